//go:build unix && !linux

package testenv

import "syscall"

// attributes puts a child into a process group of its own. A test binary that
// dies without cleaning up leaves it behind: there is no parent-death signal.
func attributes(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
