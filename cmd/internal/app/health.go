package app

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

// healthTimeout bounds a health check. Container engines kill a check that
// takes longer than theirs and then don't say why.
const healthTimeout = 3 * time.Second

// Health asks the process that listens on the address whether it is ready. It
// returns nil if so, and otherwise what the process says on its admin listener,
// where it gives reasons, or why it could not be asked. It is meant for the health
// checks of containers that have no shell.
func Health(ctx context.Context, listen, admin string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	said := ask(ctx, listen)
	if said == nil {
		return nil
	}
	if reasons := ask(ctx, admin); reasons != nil && !errors.Is(reasons, errUnasked) {
		return reasons
	}
	return said
}

// errUnasked: the process gave no answer.
var errUnasked = errors.New("no answer")

func ask(ctx context.Context, listen string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+dialable(listen)+"/readyz", http.NoBody)
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

// dialable is the address by which this machine reaches a listener: one that
// listens everywhere is asked on the loopback interface.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
