package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"

	"github.com/spacehatch/spacehatch/internal/atomicfile"
	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// NotKept: the token could not be written.
const NotKept problem.Code = "sign-in-not-kept"

// cached is the file of the AWS CLI, with the fields that it and AWS's SDKs
// read. The times are RFC 3339, in UTC, without fractions.
type cached struct {
	StartURL              string `json:"startUrl"`
	Region                string `json:"region"`
	AccessToken           string `json:"accessToken"`
	ExpiresAt             string `json:"expiresAt"`
	ClientID              string `json:"clientId"`
	ClientSecret          string `json:"clientSecret"`
	RegistrationExpiresAt string `json:"registrationExpiresAt"`
	RefreshToken          string `json:"refreshToken,omitempty"`
}

// File is where the AWS CLI and AWS's SDKs keep the sign-in:
// ~/.aws/sso/cache/<SHA-1>.json, by the name of the sso-session or, of profiles
// of the old form, by the start URL.
func File(to caller.SSO) (string, error) {
	key := to.Session
	if key == "" {
		key = to.StartURL
	}
	path, err := ssocreds.StandardCachedTokenFilepath(key)
	if err != nil {
		return "", problem.New(NotKept, "The sign-in cannot be kept: this computer does not say where your home folder is.",
			"Set the variable HOME, then try again.", err)
	}
	return path, nil
}

// keep writes the token for AWS's tools, this one among them.
func (t *try) keep(token *ssooidc.CreateTokenOutput) error {
	if aws.ToString(token.AccessToken) == "" || token.ExpiresIn <= 0 {
		return problem.New(problem.Unreachable, "IAM Identity Center answered without a token.",
			"Try again; if it stays so, look for a proxy between this computer and AWS.", nil)
	}
	path, err := File(t.to)
	if err != nil {
		return err
	}
	at := func(when time.Time) string { return when.UTC().Format(time.RFC3339) }
	data, err := json.Marshal(cached{
		StartURL: t.to.StartURL, Region: t.to.Region, AccessToken: *token.AccessToken,
		ExpiresAt: at(t.now().Add(time.Duration(token.ExpiresIn) * time.Second)),
		ClientID:  t.id, ClientSecret: t.secret.Reveal(), RegistrationExpiresAt: at(t.registrationExpires),
		RefreshToken: aws.ToString(token.RefreshToken),
	})
	if err != nil {
		return fmt.Errorf("encode the sign-in: %w", err)
	}
	folder := filepath.Dir(path)
	err = os.MkdirAll(folder, 0o700)
	if err == nil {
		// Who keeps it elsewhere and has a link here means that place.
		if real, resolved := filepath.EvalSymlinks(path); resolved == nil {
			path = real
		}
		err = atomicfile.Write(path, append(data, '\n'), 0o600)
	}
	if err != nil {
		return problem.New(NotKept, fmt.Sprintf("The sign-in could not be kept in \"%s\".", printable.Text(folder, 400)),
			"Check that the folder belongs to you and that the disk is not full.", pathError(err))
	}
	return nil
}

// pathError is what the system said, without what was to be written.
func pathError(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path
	}
	return errors.New(printable.Text(err.Error(), 300))
}
