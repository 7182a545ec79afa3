package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestUnchangedPartsOfAFile(t *testing.T) {
	const smaps = `00400000-00c98000 r-xp 00000000 fe:00 123   /usr/bin/spacehatch
Rss:                2048 kB
Private_Dirty:      2048 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
00c98000-01500000 r--p 00898000 fe:00 123   /usr/bin/spacehatch
Anonymous:             0 kB
Swap:                  0 kB
01500000-01600000 r--p 01100000 fe:00 123   /usr/bin/spacehatch
Anonymous:             4 kB
Swap:                  0 kB
01600000-01700000 r--p 01200000 fe:00 123   /usr/bin/spacehatch
Anonymous:             0 kB
Swap:                  4 kB
01700000-01800000 rw-p 01300000 fe:00 123   /usr/bin/spacehatch
Anonymous:             0 kB
Swap:                  0 kB
7f0000000000-7f0000100000 r-xp 00000000 fe:00 124   /usr/lib/libc.so
Anonymous:             0 kB
Swap:                  0 kB
7f0000200000-7f0000300000 rw-p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
`
	want := []mapping{{0x400000, 0x898000}, {0xc98000, 0x868000}}
	if got := unchanged(strings.NewReader(smaps), "/usr/bin/spacehatch"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
	if got := unchanged(strings.NewReader("r-xp\n:\n00-zz r-xp 0 0 0 x\nAnonymous:\n"), "x"); len(got) != 0 {
		t.Errorf("got %x", got)
	}
}

// TestLetGo: the test's own program goes on, and holds less.
func TestLetGo(t *testing.T) {
	held := func() string {
		data, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if rest, ok := strings.CutPrefix(line, "RssFile:"); ok {
				return strings.TrimSpace(rest)
			}
		}
		t.Fatal("no RssFile")
		return ""
	}
	before := held()
	letGo()
	t.Logf("mapped of files: %s before, %s after", before, held())
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if len(unchanged(maps, self)) == 0 {
		t.Error("nothing of this program can be given back")
	}
}
