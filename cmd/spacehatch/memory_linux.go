package main

import (
	"bufio"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// letGo gives back the memory that only the start needed: the heap's free
// pages, and what the system has mapped of the program's own file, of which the
// start of the AWS SDK and of other parts that a tray or a tunnel never uses has
// touched nearly all. The system maps again, from its cache, whatever is needed
// again.
func letGo() {
	debug.FreeOSMemory()
	self, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }()
	for _, m := range unchanged(maps, self) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.size, unix.MADV_DONTNEED)
	}
}

// mapping is a part of the address space.
type mapping struct{ start, size uintptr }

// unchanged finds the parts of a file in a list of mappings (proc_pid_smaps(5))
// that may be executed or read and in which no byte is another than in the file:
// nothing is lost when they are mapped anew. What a loader has relocated is not
// among them.
func unchanged(smaps io.Reader, file string) []mapping {
	var (
		found []mapping
		now   mapping // of the file; size 0 for others
		clean int     // counters of it that are 0
	)
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if !strings.HasSuffix(fields[0], ":") {
			// address perms offset dev inode pathname
			now, clean = mapping{}, 0
			if len(fields) < 6 || fields[1] != "r-xp" && fields[1] != "r--p" || fields[5] != file {
				continue
			}
			from, to, _ := strings.Cut(fields[0], "-")
			start, err1 := strconv.ParseUint(from, 16, 64)
			end, err2 := strconv.ParseUint(to, 16, 64)
			if err1 == nil && err2 == nil && end > start {
				now = mapping{uintptr(start), uintptr(end - start)}
			}
			continue
		}
		switch fields[0] {
		case "Anonymous:", "Swap:": // pages of our own; Private_Dirty also counts the file's
			if len(fields) > 1 && fields[1] == "0" {
				clean++
			}
		}
		if clean == 2 && now.size > 0 {
			found = append(found, now)
			now = mapping{}
		}
	}
	return found
}
