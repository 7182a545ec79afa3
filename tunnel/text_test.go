package tunnel

import (
	"strings"
	"testing"

	"github.com/spacehatch/spacehatch/internal/secret"
)

// TestSecretsAreHiddenInEachSpelling: whoever repeats a secret may have decoded
// it.
func TestSecretsAreHiddenInEachSpelling(t *testing.T) {
	var r redactor
	r.add(secret.New("wss://h.test/v1?role=x&X-Amz-Security-Token=IQoJb3%2BJpZ2luX2Vj%3D"), secret.New("AAEA+/token="))
	for _, text := range []string{
		"role=x&X-Amz-Security-Token=IQoJb3%2BJpZ2luX2Vj%3D", "IQoJb3%2BJpZ2luX2Vj%3D", "IQoJb3+JpZ2luX2Vj=", "AAEA+/token=",
	} {
		if got := r.clean("it said " + text + " twice"); got != "it said "+secret.Mask+" twice" {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	if got := r.clean("role x"); strings.Contains(got, secret.Mask) {
		t.Errorf("a word is hidden: %q", got)
	}
}
