package main

import (
	"fmt"
	"slices"
	"testing"
)

func TestLinksThatComeBeforeWeAreReadyAreKept(t *testing.T) {
	var in inbox
	if !in.empty() {
		t.Error("a new one is not empty")
	}
	in.put("one")
	in.put("two")
	var got []string
	in.open(func(link string) { got = append(got, link) })
	in.put("three")
	if want := []string{"one", "two", "three"}; !slices.Equal(got, want) || in.empty() {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLinksThatNobodyTakesAreBounded(t *testing.T) {
	var in inbox
	for n := range 10 * maxKept {
		in.put(fmt.Sprint(n))
	}
	count := 0
	in.open(func(link string) {
		if link != fmt.Sprint(count) {
			t.Errorf("%s comes as number %d", link, count)
		}
		count++
	})
	if count != maxKept {
		t.Errorf("%d were kept, want %d", count, maxKept)
	}
}
