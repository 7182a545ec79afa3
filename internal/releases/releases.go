// Package releases knows whether there is a newer release of this program. It
// asks at most once a day, remembers the answer in a file, and downloads
// nothing.
//
// It must not know how the person is told, nor whether asking is allowed:
// whoever calls [Watch.Ask] has looked.
package releases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/paths"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// day is how long an answer holds, and a failure too.
	day = 24 * time.Hour
	// limit bounds one question.
	limit = 10 * time.Second
	// maxFile is more than the file ever holds, in bytes.
	maxFile = 4 << 10
	// maxVersion is the most bytes of a version.
	maxVersion = 64
)

// File is the name of the file in the state folder that holds the answer. It
// is written when somebody was asked.
const File = "release.json"

// Watch looks for newer releases than the one that runs.
type Watch struct {
	// Address is an https URL that redirects to a page whose address ends in
	// the newest version, as …/releases/latest does on GitHub. A build without
	// one asks nobody.
	Address string
	// Current is the version that runs. One that is no version, such as a
	// development build's, asks nobody.
	Current string
	// State is the folder in which the answer is kept. It need not exist.
	State string
}

// answer is what is remembered, as JSON.
type answer struct {
	Asked  time.Time `json:"asked"`
	Newest string    `json:"newest,omitempty"`
}

func (w Watch) file() string { return filepath.Join(w.State, File) }

// Able reports whether this build can know of newer releases at all.
func (w Watch) Able() bool {
	_, ok := parse(w.Current)
	return ok && w.Address != ""
}

// Newer returns the version of a newer release that is known of, in printable
// characters, or nothing. It asks nobody and takes no time.
func (w Watch) Newer() string {
	if !w.Able() {
		return ""
	}
	current, _ := parse(w.Current)
	version := w.remembered().Newest
	if newest, ok := parse(version); ok && newest.newer(current) {
		return strings.TrimPrefix(version, "v")
	}
	return ""
}

// remembered returns nothing where nothing usable is remembered.
func (w Watch) remembered() answer {
	var a answer
	f, err := os.Open(w.file())
	if err != nil {
		return answer{}
	}
	defer func() { _ = f.Close() }()
	if err := json.NewDecoder(io.LimitReader(f, maxFile)).Decode(&a); err != nil {
		return answer{}
	}
	return a
}

// Due reports whether a day has gone by since somebody was asked. A clock that
// was put back counts as a day.
func (w Watch) Due(now time.Time) bool {
	since := now.Sub(w.remembered().Asked)
	return w.Able() && (since < 0 || since >= day)
}

// Ask asks which release is the newest and remembers the answer; that nobody
// could be asked is remembered as well, so that the next question is a day
// away. The client must not follow redirects, and decides whom TLS believes.
func (w Watch) Ask(ctx context.Context, client *http.Client, now time.Time) error {
	if !w.Able() {
		return problem.New(problem.NotSupported, "This is a development build, which does not look for newer releases.", "", nil)
	}
	a := w.remembered()
	a.Asked = now.UTC()
	newest, asked := w.newest(ctx, client)
	if asked == nil {
		a.Newest = newest
	}
	if err := w.remember(a); err != nil {
		return errors.Join(asked, err)
	}
	return asked
}

func (w Watch) remember(a answer) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := paths.Make(w.State); err != nil {
		return fmt.Errorf("remember the newest release: %w", err)
	}
	return atomicfile.Write(w.file(), append(data, '\n'), 0o600)
}

func (w Watch) newest(ctx context.Context, client *http.Client) (string, error) {
	address, err := url.Parse(w.Address)
	if err != nil || address.Scheme != "https" {
		return "", unknown(errors.New("the address for releases is not an https URL"))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, w.Address, nil)
	if err != nil {
		return "", unknown(err)
	}
	request.Header.Set("User-Agent", "spacehatch") // and not which one
	response, err := client.Do(request)
	if err != nil {
		return "", unknown(err)
	}
	_ = response.Body.Close()
	to, err := response.Location()
	if err != nil {
		return "", unknown(fmt.Errorf("status %d, and no other address", response.StatusCode))
	}
	version := path.Base(to.Path)
	if _, ok := parse(version); !ok || len(version) > maxVersion {
		return "", unknown(errors.New("the answer names no version"))
	}
	return version, nil
}

func unknown(cause error) error {
	return problem.New(problem.Unreachable, "It could not be found out whether there is a newer release.",
		"Try again later.", cause)
}
