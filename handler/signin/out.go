package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sso"

	"github.com/spacehatch/spacehatch/internal/caller"
	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

const (
	// outTimeout bounds the call that ends a sign-in.
	outTimeout = 10 * time.Second
	// maxCached bounds the file of a sign-in, in bytes.
	maxCached = 1 << 20
)

// Out ends the sign-in for every tool of this computer: at AWS, where that can be
// reached, and in AWS's cache. was reports whether there was one. log may be nil.
func Out(ctx context.Context, to caller.SSO, log *slog.Logger) (was bool, err error) {
	path, err := File(to)
	if err != nil {
		return false, err
	}
	data, err := readCached(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = atAWS(ctx, to, data, log)
	}
	if err != nil && log != nil {
		// The file is what this computer can do about it.
		log.WarnContext(ctx, "AWS was not told of the sign-out", "error", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, problem.New(NotKept, fmt.Sprintf("The sign-in in \"%s\" could not be removed.", printable.Text(path, 400)),
			"Remove the file yourself.", pathError(err))
	}
	return true, nil
}

// readCached reads a file of a size that such files have.
func readCached(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxCached:
		return nil, errors.New("the file of the sign-in is none")
	}
	return os.ReadFile(path)
}

// atAWS ends the sign-in that the file holds. Errors hold nothing of it.
func atAWS(ctx context.Context, to caller.SSO, data []byte, log *slog.Logger) error {
	var kept cached
	if err := json.Unmarshal(data, &kept); err != nil || kept.AccessToken == "" {
		return errors.New("the file of the sign-in holds no token")
	}
	ctx, cancel := context.WithTimeout(ctx, outTimeout)
	defer cancel()
	r := caller.Request{Action: "sso:Logout", Resource: "*", Thing: "the sign-in", Purpose: "sign out with"}
	who, err := caller.Load(ctx, r, caller.Options{Profile: to.Profile, Region: to.Region, Log: log})
	if err != nil {
		return err
	}
	who.Config.Credentials = aws.AnonymousCredentials{}
	_, err = sso.NewFromConfig(who.Config).Logout(ctx, &sso.LogoutInput{AccessToken: aws.String(kept.AccessToken)})
	if err != nil && caller.Code(err) != "UnauthorizedException" { // it was over
		return fmt.Errorf("end the sign-in: %s", printable.Text(caller.Code(err), 64))
	}
	return nil
}
