package tunnel

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/spacehatch/spacehatch/internal/problem"
)

// RootCAs returns the system's certificate authorities and those in the files
// that AWS_CA_BUNDLE and SSL_CERT_FILE name, in PEM form. A file that cannot
// be read, or holds no certificate, is a Problem that names it: to go on
// without it would end in a worse message.
func RootCAs() (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	found := err == nil
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
		path := os.Getenv(name)
		if path == "" {
			continue
		}
		pem, err := os.ReadFile(path)
		if err == nil && !pool.AppendCertsFromPEM(pem) {
			err = errors.New("no certificate in PEM form")
		}
		if err != nil {
			return nil, problem.New(problem.Unreachable,
				fmt.Sprintf("The file of certificate authorities that %s names cannot be used: %s.", name, oneLine(path, textLimit)),
				fmt.Sprintf("Correct or unset %s; the file must hold certificates in PEM form.", name), err)
		}
		found = true
	}
	if !found {
		return nil, problem.New(problem.Unreachable,
			"The system's certificate authorities cannot be read.",
			"Install the package ca-certificates, or name a file of certificates in SSL_CERT_FILE.", err)
	}
	return pool, nil
}
