package doctor

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spacehatch/spacehatch/internal/printable"
)

// Proxy looks at the proxy that the environment names. What counts is what
// Go's http.ProxyFromEnvironment reads for an https URL, and that the tunnel
// speaks to proxies by http or https.
func Proxy(env Environment) Check {
	return Check{ID: "proxy", Title: "Proxy", Look: func(context.Context) ([]Finding, error) {
		name, value := "HTTPS_PROXY", env.get("HTTPS_PROXY")
		if value == "" {
			name, value = "https_proxy", env.get("https_proxy")
		}
		if value == "" {
			if env.get("ALL_PROXY") != "" || env.get("all_proxy") != "" {
				return one(Warning, "ALL_PROXY is set, which Spacehatch and AWS's SDK do not read.", "If a proxy is needed, set HTTPS_PROXY."), nil
			}
			return fine("None is set."), nil
		}
		const form = "Write it as http://host:port or http://user:password@host:port."
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		u, err := url.Parse(value)
		if err != nil || u.Hostname() == "" {
			return one(Error, name+" is not the address of a proxy.", form), nil // the value may hold a password
		}
		if u.Scheme != "http" && u.Scheme != "https" {
			return one(Error, fmt.Sprintf("%s names a proxy of the kind %s, which Spacehatch does not speak.", name, printable.Quoted(u.Scheme)), form), nil
		}
		return one(Info, fmt.Sprintf("%s names %s.", name, printable.ASCII(u.Host, 253)), ""), nil
	}}
}

// maxBundle bounds what is read of a file of certificates, in bytes.
const maxBundle = 16 << 20

// CABundles looks at the files of certificate authorities that the environment
// names.
func CABundles(env Environment, now func() time.Time) Check {
	return Check{ID: "ca-bundle", Title: "Certificates", Look: func(context.Context) ([]Finding, error) {
		var found []Finding
		for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
			if path := env.get(name); path != "" {
				f := bundleFinding(name, path, now())
				f.ID = "ca-bundle." + strings.ToLower(strings.ReplaceAll(name, "_", "-"))
				found = append(found, f)
			}
		}
		if found == nil {
			return fine("Those of the system."), nil
		}
		return found, nil
	}}
}

func bundleFinding(name, path string, now time.Time) Finding {
	shown := printable.Text(path, 300)
	hint := fmt.Sprintf("Correct or unset %s; the file must hold certificates in PEM form.", name)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxBundle {
		return Finding{Severity: Error, Sentence: fmt.Sprintf("%s names %s, which is not a file that can be read.", name, shown), Hint: hint}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Finding{Severity: Error, Sentence: fmt.Sprintf("%s names %s, which cannot be read.", name, shown), Hint: hint}
	}
	good, bad, old := countCertificates(data, now)
	switch {
	case good+old == 0:
		return Finding{Severity: Error, Sentence: fmt.Sprintf("%s names %s, which holds no certificate.", name, shown), Hint: hint}
	case good == 0:
		return Finding{Severity: Error, Sentence: fmt.Sprintf("Every certificate in %s, which %s names, has expired or is not valid yet.", shown, name),
			Hint: "Get a new file from your network administrator."}
	case bad > 0:
		return Finding{Severity: Warning, Sentence: fmt.Sprintf("%s of %s, which %s names, cannot be read.", number(bad, "certificate"), shown, name), Hint: hint}
	}
	return Finding{Severity: OK, Sentence: fmt.Sprintf("%s names %s with %s.", name, shown, number(good+old, "certificate"))}
}

// countCertificates counts the valid certificates, what cannot be read, and
// those out of their time.
func countCertificates(data []byte, now time.Time) (good, bad, old int) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return good, bad, old
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
			bad++
		case now.Before(c.NotBefore) || now.After(c.NotAfter):
			old++
		default:
			good++
		}
	}
}
