package spaces

import (
	"context"
	"sync"
)

// crew does things beside each other, a bounded number at a time, in the order
// in which they were asked for. What one does may have it do more.
type crew struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	bound  int
	group  sync.WaitGroup

	mu      sync.Mutex // everything below
	queue   []func(context.Context) error
	working int
}

// newCrew returns a crew that stops with ctx or with the first error.
func newCrew(ctx context.Context, bound int) *crew {
	ctx, cancel := context.WithCancelCause(ctx)
	return &crew{ctx: ctx, cancel: cancel, bound: bound}
}

// do has work done as soon as somebody is free, and does not wait for it.
func (c *crew) do(work func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(c.queue, work)
	if c.working < c.bound {
		c.working++
		c.group.Go(c.work)
	}
}

// work does what is in the queue until there is nothing left to do.
func (c *crew) work() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 || c.ctx.Err() != nil {
			c.working--
			c.mu.Unlock()
			return
		}
		next := c.queue[0]
		c.queue = c.queue[1:]
		c.mu.Unlock()
		if err := next(c.ctx); err != nil {
			c.cancel(err) // the first one counts
		}
	}
}

// wait returns the first error when all is done.
func (c *crew) wait() error {
	c.group.Wait()
	err := context.Cause(c.ctx)
	c.cancel(nil)
	return err
}
