// Command demo is the demo's product as a service of its own, beside a Bellhop
// that runs elsewhere: what a backend that uses Bellhop looks like. cmd/bellhop
// has the same product in its own process.
//
// It believes everybody who says who they are, so it listens on this machine only
// unless it is told otherwise. demo -help lists its settings.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/bellhop/bellhop/internal/probe"
	"github.com/bellhop/bellhop/internal/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errVersion):
		_, _ = fmt.Fprintln(os.Stdout, "demo", version.Read())
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run is the program: it serves until ctx ends, or asks whether another one does.
func run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) error {
	s, command, err := parse(args, getenv, stderr)
	if err != nil {
		return err
	}
	if command == "health" {
		return probe.Get(ctx, s.listen, "/api/v1/raffles")
	}
	service, err := open(ctx, s, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return err
	}
	return service.run(ctx)
}
