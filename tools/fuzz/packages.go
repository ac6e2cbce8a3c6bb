package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	listed, err := goCommand(ctx, append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles", "--"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	var packages []pkg
	for dec := json.NewDecoder(strings.NewReader(listed)); ; {
		var l struct {
			ImportPath   string   `json:"ImportPath"`   //nolint:tagliatelle // go list's names
			Dir          string   `json:"Dir"`          //nolint:tagliatelle // as above
			TestGoFiles  []string `json:"TestGoFiles"`  //nolint:tagliatelle // as above
			XTestGoFiles []string `json:"XTestGoFiles"` //nolint:tagliatelle // as above
		}
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		p := pkg{path: l.ImportPath, dir: l.Dir, cache: filepath.Join(strings.TrimSpace(goCache), "fuzz", l.ImportPath)}
		for _, file := range append(l.TestGoFiles, l.XTestGoFiles...) {
			source, err := os.ReadFile(filepath.Join(l.Dir, file)) //nolint:gosec // a file of the package
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
