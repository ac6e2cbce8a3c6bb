// Package testenv gives tests the real thing: private instances of redis-server,
// of MySQL or MariaDB with a replica that really replicates, of Nginx, of Chromium,
// Firefox and WebKit, on free ports of 127.0.0.1 and in directories of their own, and a TCP
// proxy to break the connections between them. Whatever a test starts is killed
// and removed when the test ends.
//
// A program that is not installed fails the test with the name of the package to
// install. It never skips one: a suite that tests nothing looks like one that
// passes.
package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// startTimeout bounds how long a server may take to answer, stopTimeout how long
// a killed one may take to be gone. Both are far above what an idle machine
// needs, because tests share theirs.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 10 * time.Second
	pollInterval = 10 * time.Millisecond
)

// suite is what outlives single tests of one test binary.
var suite struct {
	mu       sync.Mutex
	running  bool // Main was called, so what is shared will be stopped
	cleanups []func()
	clusters map[string]func() (*Cluster, error) // by engine
}

// leakPatience is how long goroutines may take to end after the last test.
const leakPatience = 5 * time.Second

// Main runs the tests of a package, stops the servers that they shared and fails
// if a goroutine is left behind. Call it from TestMain; it does not return.
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M, options ...goleak.Option) {
	suite.mu.Lock()
	suite.running, suite.clusters = true, make(map[string]func() (*Cluster, error))
	suite.mu.Unlock()

	code := m.Run()

	suite.mu.Lock()
	suite.running, suite.clusters = false, nil
	cleanups := suite.cleanups
	suite.cleanups = nil
	suite.mu.Unlock()
	for _, cleanup := range slices.Backward(cleanups) {
		cleanup()
	}
	if code == 0 {
		err := goleak.Find(options...)
		// Find waits for less than a second. A pool of go-redis that can't connect
		// tries once a second, and sees only then that it was closed.
		for began := time.Now(); err != nil && time.Since(began) < leakPatience; {
			err = goleak.Find(options...)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "goroutines are left behind:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// packages tells what to install for a program, by the names of Debian and Ubuntu.
var packages = map[string]string{
	"redis-server":       "redis-server",
	"mariadbd":           "mariadb-server",
	"mariadb-install-db": "mariadb-server",
	"nginx":              "nginx",
	"haproxy":            "haproxy",
	"caddy":              "caddy",
	"chromium":           "chromium",
	"node":               "nodejs",
	"npm":                "npm",
	"WebKitWebDriver":    "webkit2gtk-driver",
	"Xvfb":               "xvfb",
	"firefox-esr":        "firefox-esr",
	"chromedriver":       "chromium-driver",
}

// program finds an installed program. The folders for administrators are looked
// into as well, because an ordinary user's PATH often leaves them out.
func program(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/bin"} {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not installed: install the package %s (or run `make deps`)", names[0], packages[names[0]])
}

// poll calls try until it returns nil. It gives up after startTimeout, or when stop is
// closed, with the last error.
func poll(stop <-chan struct{}, try func() error) error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-stop:
			return fmt.Errorf("the process ended: %w", err)
		case <-deadline.C:
			return fmt.Errorf("not within %v: %w", startTimeout, err)
		case <-tick.C:
		}
	}
}
