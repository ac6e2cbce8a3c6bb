// Command gateway holds the event streams of browsers and answers their reads.
// It keeps no state: run as many as you need behind a balancer. Its settings are
// explained by gateway --help and in docs/configuration.md.
package main

import (
	"github.com/bellhop/bellhop/cmd/internal/app"
	"github.com/bellhop/bellhop/cmd/internal/config"
)

func main() { app.Main(&config.Gateway{}, app.RunGateway) }
