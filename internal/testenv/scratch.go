package testenv

import (
	"os"
	"syscall"
)

// scratchFree is how much room a file system in memory must have to be used for
// the data of servers. Containers often come with 64 MiB there.
const scratchFree = 2 << 30

// scratch makes a directory for one server. Its path is short, because the path
// of a unix socket ends at 107 bytes (unix(7)), which is why tb.TempDir does not
// serve. It is in memory where there is room, unless it is to be on disk.
func scratch(onDisk bool) (string, error) {
	const memory = "/dev/shm"
	var fs syscall.Statfs_t
	if !onDisk && syscall.Statfs(memory, &fs) == nil && fs.Bavail*uint64(fs.Bsize) >= scratchFree {
		if dir, err := os.MkdirTemp(memory, "bellhop-"); err == nil {
			return dir, nil
		}
	}
	return os.MkdirTemp("", "bellhop-")
}
