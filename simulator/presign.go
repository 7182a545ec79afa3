package simulator

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/spacehatch/spacehatch/simulator/api"
)

const (
	streamService = "ssmmessages"
	amzTime       = "20060102T150405Z"
	signatureName = "X-Amz-Signature"
)

// presign signs the stream URL as Studio does for the data channels of its
// links: SigV4 in the query, over the host, the path and every other parameter.
// A client that mends or mangles the URL on the way breaks the signature.
func presign(ctx context.Context, stream string, by api.Identity, lives time.Duration) (string, error) {
	u, err := url.Parse(stream)
	if err != nil {
		return "", fmt.Errorf("presign: %w", err)
	}
	q := u.Query()
	q.Set("X-Amz-Expires", strconv.Itoa(int(lives/time.Second)))
	return signQuery(ctx, u, q, by, time.Now())
}

func signQuery(ctx context.Context, u *url.URL, q url.Values, by api.Identity, at time.Time) (string, error) {
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", fmt.Errorf("presign: %w", err)
	}
	empty := sha256.Sum256(nil)
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, aws.Credentials{
		AccessKeyID: by.AccessKeyID, SecretAccessKey: by.SecretAccessKey.Reveal(), SessionToken: by.SessionToken.Reveal(),
	}, get, hex.EncodeToString(empty[:]), streamService, region, at)
	if err != nil {
		return "", fmt.Errorf("presign: %w", err)
	}
	return signed, nil
}

// presigned lets an upgrade through whose URL is not presigned, or bears our
// signature and has not expired; everything else gets a 403.
func presigned(next http.Handler, by api.Identity) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		theirs := r.URL.Query()
		if theirs.Has(signatureName) && !signedBy(r, theirs, by) {
			http.Error(w, "The request signature does not match, or has expired.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// signedBy signs what the client sent once more and compares.
func signedBy(r *http.Request, theirs url.Values, by api.Identity) bool {
	at, err := time.Parse(amzTime, theirs.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	again := url.Values{}
	for name, values := range theirs {
		if !strings.HasPrefix(name, "X-Amz-") || name == "X-Amz-Expires" {
			again[name] = values
		}
	}
	signed, err := signQuery(r.Context(), &url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path}, again, by, at)
	if err != nil {
		return false
	}
	ours, err := url.Parse(signed)
	if err != nil {
		return false
	}
	lives, err := strconv.Atoi(theirs.Get("X-Amz-Expires"))
	if err != nil || time.Now().After(at.Add(time.Duration(lives)*time.Second)) {
		return false
	}
	want := ours.Query()
	for name := range want {
		if len(theirs[name]) != len(want[name]) || !hmac.Equal([]byte(theirs.Get(name)), []byte(want.Get(name))) {
			return false
		}
	}
	return len(theirs) == len(want)
}
