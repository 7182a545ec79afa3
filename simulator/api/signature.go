package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	amzTime    = "20060102T150405Z"
	maxSkew    = 5 * time.Minute
	dateHeader = "X-Amz-Date"

	expiredToken   = "The security token included in the request is expired"
	wrongToken     = "The security token included in the request is invalid."
	wrongSignature = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

// authorization is a taken apart Authorization header.
type authorization struct {
	accessKeyID, date, region, service string
	signedHeaders                      []string
	signature                          []byte
}

// verify checks the request's SigV4 signature over method, path, query, signed
// headers and body for the service, and returns who signed. The steps and the
// error codes are those of AWS's documentation (Signature Version 4, "Troubleshooting").
func (s *Server) verify(r *http.Request, body []byte, service string) (Identity, *Error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return Identity{}, &Error{"MissingAuthenticationTokenException", "Missing Authentication Token", http.StatusBadRequest}
	}
	auth, fault := parseAuthorization(header)
	if fault != nil {
		return Identity{}, fault
	}
	signed, err := time.Parse(amzTime, r.Header.Get(dateHeader))
	if err != nil {
		return Identity{}, incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	identity, known := s.identity(auth.accessKeyID)
	if !known {
		return Identity{}, &Error{"UnrecognizedClientException", wrongToken, http.StatusBadRequest}
	}
	if fault := s.checkScope(auth, signed, service); fault != nil {
		return Identity{}, fault
	}
	token := r.Header.Get("X-Amz-Security-Token")
	if !hmac.Equal([]byte(token), []byte(identity.SessionToken.Reveal())) {
		return Identity{}, &Error{"UnrecognizedClientException", wrongToken, http.StatusBadRequest}
	}
	want, err := signature(r, body, identity, auth, signed)
	if err != nil || !hmac.Equal(want, auth.signature) {
		return Identity{}, badSignature(wrongSignature)
	}
	if !identity.Expires.IsZero() && time.Now().After(identity.Expires) {
		return Identity{}, &Error{"ExpiredTokenException", expiredToken, http.StatusBadRequest}
	}
	return identity, nil
}

// VerifyUpgrade checks the signature of a request that opens a data channel
// (service ssmmessages). Errors are *[Error].
func (s *Server) VerifyUpgrade(r *http.Request) error {
	if _, fault := s.verify(r, nil, "ssmmessages"); fault != nil {
		return fault
	}
	return nil
}

// checkScope holds the credential scope and the clock against ours.
func (s *Server) checkScope(auth authorization, signed time.Time, service string) *Error {
	switch {
	case auth.region != s.config.Region:
		return badSignature("Credential should be scoped to a valid region.")
	case auth.service != service:
		return badSignature("Credential should be scoped to correct service: '" + service + "'.")
	case auth.date != signed.Format("20060102"):
		return badSignature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
	}
	now := time.Now().UTC()
	switch {
	case signed.Before(now.Add(-maxSkew)):
		return badSignature("Signature expired: " + signed.Format(amzTime) + " is now earlier than " +
			now.Add(-maxSkew).Format(amzTime) + " (" + now.Format(amzTime) + " - 5 min.)")
	case signed.After(now.Add(maxSkew)):
		return badSignature("Signature not yet current: " + signed.Format(amzTime) + " is still later than " +
			now.Add(maxSkew).Format(amzTime) + " (" + now.Format(amzTime) + " + 5 min.)")
	}
	return nil
}

// signature signs the received request again, with the headers that its sender
// says to have signed and no others. Where those are not the headers that must
// be signed, or not in order, there is no signature.
func signature(r *http.Request, body []byte, identity Identity, auth authorization, signed time.Time) ([]byte, error) {
	again := (&http.Request{
		Method: r.Method,
		URL:    &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery},
		Host:   r.Host,
		Header: http.Header{},
	}).WithContext(r.Context())
	for _, name := range auth.signedHeaders {
		if name == "content-length" {
			again.ContentLength = int64(len(body))
		} else if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	hash := sha256.Sum256(body)
	err := v4.NewSigner().SignHTTP(r.Context(), aws.Credentials{
		AccessKeyID:     identity.AccessKeyID,
		SecretAccessKey: identity.SecretAccessKey.Reveal(),
		SessionToken:    identity.SessionToken.Reveal(),
	}, again, hex.EncodeToString(hash[:]), auth.service, auth.region, signed)
	if err != nil {
		return nil, err
	}
	ours, fault := parseAuthorization(again.Header.Get("Authorization"))
	if fault != nil {
		return nil, fault
	}
	if !slices.Equal(ours.signedHeaders, auth.signedHeaders) {
		return nil, nil // such as a signature that leaves the host out
	}
	return ours.signature, nil
}

// parseAuthorization reads
// "AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, SignedHeaders=<a;b>, Signature=<hex>".
func parseAuthorization(header string) (authorization, *Error) {
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return authorization{}, incomplete("Authorization header requires algorithm " + algorithm + ".")
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[name] == "" {
			return authorization{}, incomplete("Authorization header requires '" + name + "' parameter.")
		}
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return authorization{}, incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.")
	}
	sum, err := hex.DecodeString(fields["Signature"])
	if err != nil {
		return authorization{}, incomplete("Signature must be hexadecimal.")
	}
	return authorization{
		accessKeyID: scope[0], date: scope[1], region: scope[2], service: scope[3],
		signedHeaders: strings.Split(strings.ToLower(fields["SignedHeaders"]), ";"),
		signature:     sum,
	}, nil
}

func incomplete(message string) *Error {
	return &Error{"IncompleteSignatureException", message, http.StatusBadRequest}
}

func badSignature(message string) *Error {
	return &Error{"InvalidSignatureException", message, http.StatusBadRequest}
}
