package main

import "sync"

// maxKept bounds what waits, and with it what a web page can make us keep.
const maxKept = 16

// inbox keeps links that come before somebody takes them. It may be used by
// several goroutines.
type inbox struct {
	mu   sync.Mutex
	kept []string
	take func(string)
	came bool
}

// put hands a link over, or keeps it; more than maxKept are dropped.
func (i *inbox) put(link string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.came = true
	switch {
	case i.take != nil:
		i.take(link)
	case len(i.kept) < maxKept:
		i.kept = append(i.kept, link)
	}
}

// open hands over what was kept, in its order, and then each link as it comes.
func (i *inbox) open(take func(string)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.take = take
	for _, link := range i.kept {
		take(link)
	}
	i.kept = nil
}

// empty: no link has come.
func (i *inbox) empty() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.came
}
