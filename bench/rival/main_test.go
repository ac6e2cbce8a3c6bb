// Package rival measures the gateway beside other servers that hold streams: the same
// clients, the same events, in turns. nchan makes Nginx itself hold them; Mercure and
// Centrifugo are written in Go.
package rival

import (
	"fmt"
	"os"
	"testing"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestMain also plays the clients.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "clients" {
		if err := playClients(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testenv.Main(m)
}
