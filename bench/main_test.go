// Package bench measures the whole system: gateway, notifier, Redis and MySQL
// as processes of their own, beside servers that do less.
package bench

import (
	"fmt"
	"os"
	"testing"

	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestMain also plays the worker that holds streams.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		if err := loadgen.Work(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testenv.Main(m)
}
