// Command notifier accepts events from backend services, writes them to the log
// and publishes them. Its subcommands migrate the database's schema, tell the
// log about a restore or a planned switch-over, and check a running notifier's
// health. Its settings are explained by notifier --help and in
// docs/configuration.md.
package main

import (
	"github.com/bellhop/bellhop/cmd/internal/app"
	"github.com/bellhop/bellhop/cmd/internal/config"
)

func main() {
	app.CollectLess()
	app.Main(&config.Notifier{}, app.RunNotifier)
}
