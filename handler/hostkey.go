package handler

import (
	"context"
	"fmt"

	"github.com/spacehatch/spacehatch/handler/session"
	"github.com/spacehatch/spacehatch/handler/sshconfig"
)

// Pins are the host keys that ssh has seen.
type Pins interface {
	// Pinned returns those of the alias.
	Pinned(alias string) ([]sshconfig.Pin, error)
	// Forget removes them; ssh pins the key that it meets next.
	Forget(ctx context.Context, alias string) error
}

// MeetHostKey decides what happens when a space shows another host key than
// the pinned one. Spaces change their keys when they restart, so a session that
// AWS itself gave for that very space is reason enough to forget the pin. A
// link is not: any web page can put any session into it, and only the key tells
// a stranger's machine from the space. Then the person decides, and without one
// the pin stays and ssh refuses. The notice is for the person, and empty where
// nothing happened.
func MeetHostKey(ctx context.Context, pins Pins, person Person, alias string, origin session.Origin, met sshconfig.Pin) (notice string, err error) {
	pinned, err := pins.Pinned(alias)
	if err != nil || len(pinned) == 0 {
		return "", err
	}
	for _, pin := range pinned {
		if pin == met {
			return "", nil
		}
	}
	key := fmt.Sprintf("%s %s", met.Type, met.Fingerprint)
	if origin != session.FromAPI {
		yes, err := person.Approve(ctx, Proposal{
			Key:   "the host key of " + alias,
			Title: "Another machine answers as " + alias + ". Connect all the same?",
			Text: "Its host key is not the one that was seen before. That is to be expected where\n" +
				"the space was restarted. If it was not, the link may be a forgery that leads to\n" +
				"somebody else's machine.\n\n" +
				fmt.Sprintf("  before  %s %s\n  now     %s", pinned[0].Type, pinned[0].Fingerprint, key),
			Cautious: true,
		})
		if err != nil || !yes {
			return "", err
		}
	}
	if err := pins.Forget(ctx, alias); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s has a new host key, %s, as a space has after a restart.", alias, key), nil
}
