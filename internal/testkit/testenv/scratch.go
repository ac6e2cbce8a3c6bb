package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	// memory is a file system in memory.
	memory = "/dev/shm"
	// scratchFree is how much room it must have to be used for the data of
	// servers. Containers often come with 64 MiB there.
	scratchFree = 2 << 30
	// scratchPrefix begins the names of the directories; the number of the
	// process that owns one follows.
	scratchPrefix = "bellhop-"
)

var sweepOnce sync.Once

// scratch makes a directory for one server. Its path is short, because the path
// of a unix socket ends at 107 bytes (unix(7)), which is why tb.TempDir does not
// serve. It is in memory where there is room, unless it is to be on disk.
func scratch(onDisk bool) (string, error) {
	sweepOnce.Do(func() {
		sweep(memory)
		sweep(os.TempDir())
	})
	pattern := fmt.Sprintf("%s%d-*", scratchPrefix, os.Getpid())
	var fs syscall.Statfs_t
	if !onDisk && syscall.Statfs(memory, &fs) == nil && fs.Bavail*uint64(fs.Bsize) >= scratchFree {
		if dir, err := os.MkdirTemp(memory, pattern); err == nil {
			return dir, nil
		}
	}
	return os.MkdirTemp("", pattern)
}

// sweep removes what test binaries that died without cleaning up have left: the
// data of a database cluster has more than 100 MB, in memory mostly.
func sweep(parent string) {
	left, err := filepath.Glob(filepath.Join(parent, scratchPrefix+"*-*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), scratchPrefix), "-")
		pid, err := strconv.Atoi(owner)
		if err == nil && pid > 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
}
