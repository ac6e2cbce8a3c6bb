package loadgen

import (
	"fmt"
	"os"
	"testing"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestMain also plays the worker, for tests that start this binary.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		if err := Work(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testenv.Main(m)
}
