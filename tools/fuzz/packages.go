package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// pkg is a package that has fuzz tests.
type pkg struct {
	path, dir string
	cache     string // of inputs that led somewhere new, where `go test -fuzz` keeps them
	tests     []test
}

type test struct {
	name  string
	least int // inputs a second
}

var fuzzTest = regexp.MustCompile(`(?m)^(?://fuzz:least (\d+)\n)?func (Fuzz\w*)\(`)

// list finds the fuzz tests in the sources: to ask the packages for them would
// build each one just for the answer.
func list(ctx context.Context, patterns []string) ([]pkg, error) {
	goCache, err := goCommand(ctx, "env", "GOCACHE")
	if err != nil {
		return nil, err
	}
	listed, err := goCommand(ctx, append([]string{
		"list", "-f={{.ImportPath}}\t{{.Dir}}\t{{join .TestGoFiles \"\t\"}}\t{{join .XTestGoFiles \"\t\"}}", "--",
	}, patterns...)...)
	if err != nil {
		return nil, err
	}
	var packages []pkg
	for line := range strings.Lines(listed) {
		fields := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' || r == '\n' })
		p := pkg{path: fields[0], dir: fields[1], cache: filepath.Join(strings.TrimSpace(goCache), "fuzz", fields[0])}
		for _, file := range fields[2:] {
			source, err := os.ReadFile(filepath.Join(p.dir, file)) //nolint:gosec // a file of the package
			if err != nil {
				return nil, err
			}
			for _, m := range fuzzTest.FindAllSubmatch(source, -1) {
				least, err := strconv.Atoi(string(m[1]))
				if err != nil {
					return nil, fmt.Errorf("%s: %s: the line before it is not //fuzz:least N", file, m[2])
				}
				p.tests = append(p.tests, test{string(m[2]), least})
			}
		}
		if p.tests != nil {
			packages = append(packages, p)
		}
	}
	return packages, nil
}

// build returns a test binary that reports its coverage to the engine. Building
// takes none of the time of the tests.
func (p pkg) build(ctx context.Context, tmp string) (string, error) {
	binary := filepath.Join(tmp, filepath.Base(p.path)+".test")
	_, err := goCommand(ctx, "test", "-c", "-fuzz=.", "-o", binary, p.path)
	return binary, err
}

func goCommand(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // from the command line
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), nil
}
