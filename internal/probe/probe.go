// Package probe asks a running process of this machine whether it is ready.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// timeout bounds a check. Container engines kill one that takes longer than theirs
// and then don't say why.
const timeout = 3 * time.Second

// Ready asks the process that listens on the address whether it is ready. It
// returns nil if so, and otherwise what the process says on its admin listener,
// where it gives reasons, or why it could not be asked. It is meant for the health
// checks of containers that have no shell.
func Ready(ctx context.Context, listen, admin string) error {
	const path = "/readyz"
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	said := Get(ctx, listen, path)
	if said == nil {
		return nil
	}
	if reasons := Get(ctx, admin, path); reasons != nil && !errors.Is(reasons, errUnasked) {
		return reasons
	}
	return said
}

// errUnasked: the process gave no answer.
var errUnasked = errors.New("no answer")

// Get asks the process that listens on the address for a path. It returns nil if
// the answer is 200, and otherwise what the process said or why it could not be
// asked.
func Get(ctx context.Context, listen, path string) error {
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return fmt.Errorf("%w: %w", errUnasked, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+Address(listen)+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnasked, err)
	}
	// Not the default transport: it would ask a proxy of the environment.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnasked, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	const enough = 4 << 10
	said, err := io.ReadAll(io.LimitReader(resp.Body, enough))
	if err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(said)))
}

// Address is the one by which this machine reaches a listener: one that
// listens everywhere is asked on the loopback interface.
func Address(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
