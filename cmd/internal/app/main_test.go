package app

import (
	"os"
	"os/exec"
	"testing"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// asProgram names the program that a test binary is to be instead of running
// tests. So tests can start real processes without building them.
const asProgram = "BELLHOP_TEST_PROGRAM"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "bellhop":
		Main(&config.Bellhop{}, RunBellhop)
	case "gateway":
		Main(&config.Gateway{}, RunGateway)
	case "notifier":
		Main(&config.Notifier{}, RunNotifier)
	}
	testenv.Main(m)
}

// program is a process to be: name with these arguments, in a folder, with no
// environment but the given one. It is killed with the test.
func program(t *testing.T, dir, name string, args, environ []string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append([]string{asProgram + "=" + name}, environ...)
	return cmd
}
