package caller

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// maxConfigFile bounds what is read of the AWS configuration, in bytes.
	maxConfigFile = 4 << 20
	// maxProfiles bounds what is made of it.
	maxProfiles = 5000
)

// files are the two of the AWS configuration.
func files() (settings, credentials string) {
	return cmp.Or(os.Getenv("AWS_CONFIG_FILE"), config.DefaultSharedConfigFilename()),
		cmp.Or(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), config.DefaultSharedCredentialsFilename())
}

// section is one of the AWS configuration, with its keys in lower case. Of the
// values only those are kept that are no secret.
type section map[string]string

// kept are the keys whose values are looked at; of others nothing is kept but
// that they are there.
var kept = map[string]bool{
	"sso_session": true, "sso_start_url": true, "sso_region": true, "sso_account_id": true, "sso_registration_scopes": true,
	"role_arn": true, "source_profile": true, "mfa_serial": true,
}

// sections reads a file of the AWS configuration. Where it is not there or
// cannot be read there are none: whoever loads the profile says so.
func sections(path string) map[string]section {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxConfigFile {
		return nil
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(file); err != nil {
		return nil
	}
	return parseSections(text.Bytes())
}

func parseSections(text []byte) map[string]section {
	all := map[string]section{}
	var now section
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxConfigFile)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' || line[0] == ';' || line[0] == ' ' || line[0] == '\t' {
			continue // a comment, or something below the key before it
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, _, ok = strings.Cut(name, "]")
			name = strings.Join(strings.Fields(name), " ")
			if !ok || name == "" || len(all) == maxProfiles && all[name] == nil {
				now = nil
				continue
			}
			if all[name] == nil {
				all[name] = section{}
			}
			now = all[name]
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || now == nil {
			continue
		}
		key = strings.ToLower(strings.TrimSpace(key))
		if !kept[key] {
			now[key] = "" // also aws_secret_access_key: it is there, and no more
			continue
		}
		value = strings.TrimSpace(value)
		for _, comment := range []string{" #", " ;", "\t#", "\t;"} {
			value, _, _ = strings.Cut(value, comment)
		}
		now[key] = strings.TrimSpace(value)
	}
	return all
}

// SSO is what a profile says of the sign-in by IAM Identity Center.
type SSO struct {
	// Profile is the one whose sign-in it is: a role's is that of its source.
	Profile string
	// Session is the name of its sso-session, empty in profiles of the old form.
	Session  string
	StartURL string
	Region   string
	// Scopes are the ones that the configuration asks for; they may be none.
	Scopes []string
}

// NotSSO: the profile does not sign in through IAM Identity Center.
const NotSSO problem.Code = "not-sso"

// SignIn finds what there is to sign in to for the profile; an empty one is
// AWS_PROFILE or "default". Errors are problems.
func SignIn(ctx context.Context, profile string) (SSO, error) {
	asked := cmp.Or(profile, Ambient(), config.DefaultSharedConfigProfile)
	settings, credentials := files()
	shared, err := config.LoadSharedConfigProfile(ctx, asked, func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles, o.Logger = []string{settings}, []string{credentials}, logging.Nop{}
	})
	if err != nil {
		return SSO{}, configProblem(Request{}, err)
	}
	for link := &shared; link != nil; link = link.Source {
		switch {
		case link.SSOSession != nil:
			s := SSO{Profile: link.Profile, Session: link.SSOSession.Name, StartURL: link.SSOSession.SSOStartURL, Region: link.SSOSession.SSORegion}
			for scope := range strings.SplitSeq(sections(settings)["sso-session "+s.Session]["sso_registration_scopes"], ",") {
				if scope = strings.TrimSpace(scope); scope != "" {
					s.Scopes = append(s.Scopes, scope)
				}
			}
			return s, nil
		case link.SSOStartURL != "":
			return SSO{Profile: link.Profile, StartURL: link.SSOStartURL, Region: link.SSORegion}, nil
		}
	}
	p := problem.New(NotSSO, fmt.Sprintf("The AWS profile %s does not sign in through IAM Identity Center.", quoted(asked)),
		fmt.Sprintf("There is nothing to sign in to: it says neither sso_session nor sso_start_url in %s.", quotedPath(settings)), nil)
	if _, err := os.Stat(settings); errors.Is(err, fs.ErrNotExist) {
		p.Hint = fmt.Sprintf("There is no file %s; `aws configure sso` makes one.", quotedPath(settings))
	}
	return SSO{}, p
}

// quotedPath is a file for a sentence.
func quotedPath(path string) string { return `"` + printable.Text(path, 400) + `"` }
