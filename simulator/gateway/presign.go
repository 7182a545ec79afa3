package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	dataChannelPath = "/v1/data-channel/"
	amzDate         = "20060102T150405Z"
	signatureKey    = "X-Amz-Signature"
)

// signedKeys are the keys of a presigned query before its signature, in the
// order in which AWS's links carry them.
var signedKeys = []string{"X-Amz-Security-Token", "X-Amz-Algorithm", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Credential", "X-Amz-Expires"}

// streamURL builds the URL that a client dials.
func (g *Gateway) streamURL(s *session) string {
	address := g.URL() + dataChannelPath + s.id + "?role=publish_subscribe&cell-number=" + url.QueryEscape(s.cell)
	if !s.request.Presigned {
		return address
	}
	now := time.Now().UTC()
	values := url.Values{
		"X-Amz-Security-Token": {randomText("IQoJ", 120)},
		"X-Amz-Algorithm":      {"AWS4-HMAC-SHA256"},
		"X-Amz-Date":           {now.Format(amzDate)},
		"X-Amz-SignedHeaders":  {"host"},
		"X-Amz-Credential":     {"ASIASIMULATOR0000000/" + now.Format("20060102") + "/" + g.config.Region + "/ssmmessages/aws4_request"},
		"X-Amz-Expires":        {strconv.Itoa(int(s.request.Expires / time.Second))},
	}
	for _, key := range signedKeys {
		address += "&" + key + "=" + url.QueryEscape(values.Get(key))
	}
	return address + "&" + signatureKey + "=" + g.sign(s, values)
}

// sign makes the signature over the values as they are meant, not as they are
// encoded. The key is the gateway's own, so the signature proves that the URL
// is one of ours and unchanged; clients cannot tell it from AWS's.
func (g *Gateway) sign(s *session, values url.Values) string {
	mac := hmac.New(sha256.New, g.signKey)
	_, _ = fmt.Fprintf(mac, "%s\n%s\n", s.id, s.cell)
	for _, key := range signedKeys {
		_, _ = fmt.Fprintf(mac, "%s=%q\n", key, values.Get(key))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// checkURL refuses a query that is not the one that the session was given.
func (g *Gateway) checkURL(s *session, values url.Values) error {
	if role := values.Get("role"); role != "publish_subscribe" {
		return fmt.Errorf("role is %q", role)
	}
	if values.Get("cell-number") != s.cell {
		return errors.New("cell-number is not the session's")
	}
	for key, v := range values {
		if len(v) != 1 {
			return fmt.Errorf("%s is there %d times", key, len(v))
		}
	}
	if !isPresigned(values) {
		if s.request.Presigned {
			return errors.New("the signature is missing")
		}
		return nil
	}
	if !s.request.Presigned {
		return errors.New("the signature is not the session's")
	}
	if !hmac.Equal([]byte(values.Get(signatureKey)), []byte(g.sign(s, values))) {
		return errors.New("the signature does not match the URL")
	}
	date, err := time.Parse(amzDate, values.Get("X-Amz-Date"))
	if err != nil {
		return errors.New("X-Amz-Date cannot be read")
	}
	seconds, err := strconv.Atoi(values.Get("X-Amz-Expires"))
	if err != nil {
		return errors.New("X-Amz-Expires cannot be read")
	}
	if time.Now().After(date.Add(time.Duration(seconds) * time.Second)) {
		return errors.New("the signature has expired")
	}
	return nil
}

// checkSignature refuses a signature in a header that is not good, and an
// upgrade without any where one is demanded.
func (g *Gateway) checkSignature(s *session, r *http.Request) error {
	demanded := g.faults.Load().SignedUpgrades && !s.request.Presigned
	signed := r.Header.Get("Authorization") != ""
	switch {
	case !signed && demanded:
		return errors.New("the upgrade is not signed")
	case !signed || g.config.Verify == nil:
		return nil
	}
	if err := g.config.Verify(r); err != nil {
		return fmt.Errorf("the upgrade's signature is not good: %w", err)
	}
	g.counters.signed.Add(1)
	return nil
}

// isPresigned is AWS's plugin's test: any of the keys.
func isPresigned(values url.Values) bool {
	for key := range values {
		if strings.HasPrefix(key, "X-Amz-") {
			return true
		}
	}
	return false
}
