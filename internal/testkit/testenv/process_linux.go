package testenv

import "syscall"

// attributes puts a child into a process group of its own and has the kernel
// signal it when the test binary is gone.
func attributes(orphaned syscall.Signal) *syscall.SysProcAttr {
	if orphaned == 0 {
		orphaned = syscall.SIGKILL
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: orphaned}
}
