//go:build !linux

package server

import "net"

// tune does nothing here: the options have other names and other meanings on
// every system, and gateways run on Linux.
func tune(*net.TCPConn) error { return nil }
