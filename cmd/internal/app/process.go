// Package app puts the parts of Bellhop together into its programs. What a
// program is made of stands here and not in its main package, so that tests can
// run it, several times in one process, on ports of their own.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/probe"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/internal/wait"
)

// Exit codes of the programs.
const (
	ExitOK       = 0
	ExitFailure  = 1 // it ran, and failed or was told twice to stop
	ExitSettings = 2 // its settings are wrong; nothing was touched
)

// Process is what a program sees of the world around it.
type Process struct {
	Args    []string // without the program's name
	Environ []string // as os.Environ returns it
	Stdout  io.Writer
	Stderr  io.Writer
	// Signals asks the program to end: the first one in order, the second one
	// at once. Hangups asks it to read its files anew. Both are nil where nobody will.
	Signals, Hangups <-chan os.Signal
}

// Invocation is what a program's main function is to do.
type Invocation struct {
	Command string // of the settings' subcommands
	Log     *slog.Logger
	Level   *slog.LevelVar // of Log
	Stdout  io.Writer      // for what a person asked for; Log has the rest
	// Reloads brings the settings anew whenever their files may have changed; nil
	// where they never do.
	Reloads <-chan config.Program
	// Reread asks for one; it does not wait.
	Reread func()
}

// settings are what all programs have.
type settings interface {
	config.Program
	Logger(io.Writer, slog.Leveler) *slog.Logger
	Level() slog.Level
	PublicAddress() string
	AdminAddress() string
	StreamToLookAt() config.DoctorStream
}

// Main runs a program in the process it was started as, and does not return.
func Main[S settings](s S, run func(context.Context, S, Invocation) error) {
	// Two places: a signal that comes while nobody listens yet must not be lost,
	// nor the second one.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	// Of its own, so that many of them leave room for the others. One that waits stands
	// for all that come meanwhile.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	os.Exit(Run(Process{
		Args:    os.Args[1:],
		Environ: os.Environ(),
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Signals: signals,
		Hangups: hangups,
	}, s, func(ctx context.Context, s S, inv Invocation) error {
		fanout.SetRedisLogger(inv.Log) // of the whole process, so not for Run
		return run(ctx, s, inv)
	}))
}

// Run reads a program's settings, runs it, and returns its exit code. The first
// signal ends the context of run, which then has all the time that it takes to
// end in order; a second one makes Run return without waiting for it.
func Run[S settings](p Process, s S, run func(context.Context, S, Invocation) error) int {
	result, err := config.Parse(s, p.Args, p.Environ, p.Stdout)
	switch {
	case errors.Is(err, config.ErrHelp):
		return ExitOK
	case err != nil:
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(p.Stderr, "%s: %s\n", config.Name(s), strings.TrimSpace(line))
		}
		return ExitSettings
	}
	level := new(slog.LevelVar)
	level.Set(s.Level())
	log := s.Logger(p.Stderr, level)
	for _, name := range result.Unknown {
		log.Warn("this environment variable is not a setting of Bellhop; is it misspelt?", "variable", name)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	reloads, rereads := make(chan config.Program, 1), wait.NewSignal()
	inv := Invocation{Command: result.Command, Log: log, Level: level, Stdout: p.Stdout, Reloads: reloads, Reread: rereads.Raise}
	go func() { done <- command(ctx, s, inv, run) }()
	for stopping := false; ; {
		select {
		case err := <-done:
			if err != nil {
				log.Error("failed", "command", result.Command, "error", err)
				return ExitFailure
			}
			return ExitOK
		case <-rereads:
			reload(s, p, log, level, reloads)
		case <-p.Hangups:
			if stopping {
				log.Info("stopping; files are not read again")
				continue
			}
			reload(s, p, log, level, reloads)
		case sig := <-p.Signals:
			if stopping {
				log.Warn("stopping at once", "signal", sig)
				return ExitFailure
			}
			stopping = true
			log.Info("stopping; a second signal ends at once", "signal", sig)
			cancel()
		}
	}
}

// reload reads the settings anew. What is wrong with them leaves all as it is. A
// program that is slow to take them gets the newest, and is not waited for: to has one
// place, and nobody else sends.
func reload[S settings](s S, p Process, log *slog.Logger, level *slog.LevelVar, to chan config.Program) {
	fresh, _ := reflect.TypeAssert[S](reflect.New(reflect.TypeOf(s).Elem()))
	if _, err := config.Parse(fresh, p.Args, p.Environ, io.Discard); err != nil {
		log.Error("what was read again is wrong; nothing changes", "error", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	if is := fresh.Level(); is != level.Level() {
		server.ChangeLevel(log, level, is, "the settings")
	}
	select {
	case <-to:
	default:
	}
	to <- fresh
}

// command carries out what every program can, and has run do the rest.
func command[S settings](ctx context.Context, s S, inv Invocation, run func(context.Context, S, Invocation) error) error {
	switch inv.Command {
	case "health":
		return probe.Ready(ctx, s.PublicAddress(), s.AdminAddress())
	case "check":
		_, err := fmt.Fprintf(inv.Stdout, "%s: the settings are good\n", config.Name(s))
		return err
	case "doctor stream":
		return lookAtStream(ctx, s.StreamToLookAt(), inv.Stdout)
	}
	return run(ctx, s, inv)
}
