//go:build !linux

package installer

import "context"

func (i Interception) status() (InterceptionStatus, error) {
	return InterceptionStatus{Scheme: i.scheme, State: InterceptionOff}, errNoInterception
}

func (Interception) plan(string) ([]Change, error) { return nil, errNoInterception }

func (Interception) enable(context.Context, string) ([]Change, error) { return nil, errNoInterception }

// disable: nothing can have been put in.
func (Interception) disable(context.Context) ([]Change, error) { return nil, nil }

func (Interception) pass(string) error { return errNoInterception }

func intercepted(string) ([]string, error) { return nil, nil }
