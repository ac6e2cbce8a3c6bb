//go:build !linux

package loadgen

import (
	"errors"
	"io"
)

// Sample needs /proc.
func Sample(int) (Usage, error) { return Usage{}, errors.New("processes are sampled on Linux only") }

// Work needs epoll.
func Work(io.Reader, io.Writer) error { return errors.New("the load test runs on Linux only") }
