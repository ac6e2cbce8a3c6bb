package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	// minimizing bounds how long the engine makes one input shorter. Unbounded
	// it does little else: nine tenths of the time went there.
	minimizing = "20x"
	// lastWords is how long a test whose time is up may go on to say what failed.
	lastWords = time.Minute
	// orphan is when a test ends of which nobody is left to end it.
	orphan = 5 * time.Minute
)

// target is one fuzz test.
type target struct {
	binary, dir, name, cache, tmp string
}

// result is what became of a target.
type result struct {
	took   time.Duration
	tried  int    // inputs
	ended  bool   // by itself, which only a failure does
	log    []byte // all that it printed
	inputs []input
}

// input is one that failed.
type input struct {
	file string // relative to the package
	text []byte
}

// fuzz runs the test until the limit, and then ends it.
//
// The engine has nothing to do with the limit. One that is asked to stop in the middle of a
// call sometimes takes the stop itself for a failure ("context deadline exceeded",
// even with an input that it writes down: golang.org/issue/75804), more often so on
// a busy machine. Here it only ever stops by itself because something failed.
func (t target) fuzz(ctx context.Context, limit time.Duration) (result, error) {
	corpus := filepath.Join(t.dir, "testdata", "fuzz", t.name)
	before, err := files(corpus)
	if err != nil {
		return result{}, err
	}
	began := time.Now()
	r := result{}
	if r.log, r.ended, err = t.run(ctx, limit); err != nil {
		return result{}, err
	}
	r.took, r.tried = time.Since(began), tried(r.log)
	after, err := files(corpus)
	if err != nil {
		return result{}, err
	}
	for _, name := range after {
		if slices.Contains(before, name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(corpus, name)) //nolint:gosec // the engine wrote it
		if err != nil {
			return result{}, err
		}
		r.inputs = append(r.inputs, input{filepath.Join("testdata", "fuzz", t.name, name), text})
	}
	return r, nil
}

// run returns what the test printed, and whether it ended by itself.
func (t target) run(ctx context.Context, limit time.Duration) (log []byte, ended bool, err error) {
	out, err := os.Create(filepath.Join(t.tmp, t.name+".log"))
	if err != nil {
		return nil, false, err
	}
	defer out.Close()
	cmd := exec.Command(t.binary, "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzzminimizetime="+minimizing, //nolint:gosec,noctx // our own build, ended below
		"-test.fuzzcachedir="+t.cache, "-test.paniconexit0", "-test.timeout=0",
		"-test.fuzztime="+(limit+lastWords+orphan).String())
	cmd.Dir = t.dir
	cmd.Stdout, cmd.Stderr = out, out
	// What its workers leave behind is removed with the folder.
	cmd.Env = append(os.Environ(), "TMPDIR="+t.tmp)
	// A group of its own, so that the workers end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, false, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for waited := false; ; {
		select {
		case err := <-done:
			log, readErr := os.ReadFile(out.Name())
			return fmt.Appendln(log, "ended by itself:", err), true, readErr
		case <-ctx.Done():
		case <-timer.C:
			log, _ := os.ReadFile(out.Name())
			if !waited && bytes.Contains(log, []byte("failing input file")) {
				waited = true
				timer.Reset(lastWords)
				continue
			}
		}
		// It may have ended meanwhile, and its group with it.
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return nil, false, err
		}
		<-done //nolint:errcheck // it was killed
		log, err := os.ReadFile(out.Name())
		return log, false, errors.Join(ctx.Err(), err)
	}
}

var progress = regexp.MustCompile(`(?m)^fuzz: elapsed: .*execs: (\d+)`)

// tried returns the inputs that the last line of progress counts; there is one
// every three seconds.
func tried(log []byte) int {
	all := progress.FindAllSubmatch(log, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(string(all[len(all)-1][1]))
	return n
}

// report prints one line, or all that is known of a failure, and returns whether
// the test passed.
func (r result) report(out io.Writer, name string, least int) bool {
	verdict := "ok"
	switch {
	case r.ended || len(r.inputs) > 0:
		verdict = "FAILED"
	case r.tried < least:
		verdict = fmt.Sprintf("FAILED: fewer than %d", least)
	}
	fmt.Fprintf(out, "%s: %d inputs in %.0f s: %s\n", name, r.tried, r.took.Seconds(), verdict)
	if verdict == "ok" {
		return true
	}
	fmt.Fprintf(out, "%s\n", bytes.TrimSpace(r.log))
	for _, in := range r.inputs {
		fmt.Fprintf(out, "The input that failed, as %s of the package:\n%s\n", in.file, bytes.TrimSpace(in.text))
	}
	return false
}

// files returns the names in a folder that may be missing.
func files(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}
