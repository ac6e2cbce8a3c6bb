//go:build !linux

package server

import "net"

// listenConfig sets nothing here: the options have other names and other meanings on
// every system, and gateways run on Linux.
var listenConfig net.ListenConfig
