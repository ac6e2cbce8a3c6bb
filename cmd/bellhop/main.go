// Command bellhop is gateway, notifier and demo in one process, with an embedded
// database: the way to try Bellhop, and enough for a small site. It needs no
// settings; bellhop --help and docs/configuration.md explain those that it has.
package main

import (
	"github.com/bellhop/bellhop/cmd/internal/app"
	"github.com/bellhop/bellhop/cmd/internal/config"
)

func main() { app.Main(&config.Bellhop{}, app.RunBellhop) }
