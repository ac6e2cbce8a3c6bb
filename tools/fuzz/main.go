// Command fuzz runs each fuzz test of some packages for a time, and prints how
// many inputs each one tried:
//
//	go run ./tools/fuzz [-time 20s] PACKAGE...
//
// It fails if a test fails, and if one tried too little to check anything: fewer
// inputs a second than the line `//fuzz:least N` before its function says, which a
// slow machine reaches ten times over. The log and the input of a failure are
// printed, because of a CI machine nothing else stays.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	limit := flag.Duration("time", 20*time.Second, "how long each test runs")
	flag.Parse()
	if err := run(ctx, os.Stdout, flag.Args(), *limit); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be undone
	}
}

// run goes through all tests, whichever of them fail.
func run(ctx context.Context, out io.Writer, patterns []string, limit time.Duration) error {
	tmp, err := os.MkdirTemp("", "fuzz-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	packages, err := list(ctx, patterns)
	if err != nil {
		return err
	}
	ran, failed := 0, 0
	for _, p := range packages {
		binary, err := p.build(ctx, tmp)
		if err != nil {
			return err
		}
		for _, test := range p.tests {
			t := target{binary: binary, dir: p.dir, name: test.name, cache: p.cache, tmp: tmp}
			result, err := t.fuzz(ctx, limit)
			if err != nil {
				return err
			}
			ran++
			if !result.report(out, p.path+" "+test.name, int(float64(test.least)*limit.Seconds())) {
				failed++
			}
		}
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d tests failed", failed, ran)
	case ran == 0:
		return fmt.Errorf("no fuzz tests in %v", patterns)
	}
	return nil
}
