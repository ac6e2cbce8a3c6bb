//go:build unix

package app

import "golang.org/x/sys/unix"

// descriptorLimit is how many files and sockets the process may have open. Go
// has raised the soft limit to the hard one at its start.
func descriptorLimit() (uint64, error) {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return uint64(limit.Cur), err //nolint:unconvert // it is signed on some systems
}
