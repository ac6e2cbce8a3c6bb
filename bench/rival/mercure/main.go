// Command mercure is Mercure's hub as a program of its own, as far as a benchmark
// needs it: anybody may subscribe, and updates are kept in memory. Its arguments are the
// address to listen at and the secret that publishers sign their tokens with.
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/dunglas/mercure"
	"go.uber.org/zap"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want an address and a secret, not %d arguments", len(args))
	}
	hub, err := mercure.NewHub(
		mercure.WithAnonymous(), mercure.WithPublisherJWT([]byte(args[1]), "HS256"), mercure.WithLogger(zap.NewNop()),
		mercure.WithTransport(mercure.NewLocalTransport()), mercure.WithWriteTimeout(0),
	)
	if err != nil {
		return err
	}
	return http.ListenAndServe(args[0], hub) //nolint:gosec // for one benchmark
}
