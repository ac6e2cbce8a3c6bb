package app

import (
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
)

// printedCommands are the commands of the greeting, as they were printed.
func printedCommands(t *testing.T, greeting string) (listen, publish string) {
	t.Helper()
	var commands []string
	for line := range strings.Lines(greeting) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
			commands = append(commands, line)
		}
	}
	require.Len(t, commands, 2, greeting)
	return commands[0], commands[1]
}

// TestPrintedCommandsWorkAsPrinted pastes them into two shells.
func TestPrintedCommandsWorkAsPrinted(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	listen, publish := printedCommands(t, h.stdout.String())
	require.Eventually(t, func() bool { return status(h.URL()+"/readyz") == http.StatusOK }, patience, tick)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var heard console
	// exec: the shell itself becomes curl, so that ending it ends curl.
	listening := exec.CommandContext(ctx, "sh", "-c", "exec "+listen)
	listening.Stdout = &heard
	require.NoError(t, listening.Start())
	require.Eventually(t, func() bool { return strings.Contains(heard.String(), "event: bellhop.ready") }, patience, tick)

	answer, err := exec.CommandContext(ctx, "sh", "-c", publish).Output()
	require.NoError(t, err)
	require.JSONEq(t, `{"events":[{"channel":"user:42","seq":1}]}`, string(answer))
	require.Eventually(t, func() bool { return strings.Contains(heard.String(), `"data":{"post":7,"by":"mina"}`) }, patience, tick)
	cancel()
	require.Error(t, listening.Wait(), "it listens until it is told to stop")
}

func TestPrintedTokenIsThatOfTheDemo(t *testing.T) {
	t.Parallel()
	db := freshDB(t)
	h := startBellhop(t, "--sqlite="+db)
	var token bytes.Buffer
	cfg := &config.Bellhop{}
	result, err := config.Parse(cfg, []string{"token", "mina", "--sqlite=" + db}, nil, &token)
	require.NoError(t, err)
	require.NoError(t, RunBellhop(t.Context(), cfg, Invocation{Command: result.Command, Stdout: &token}))

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL()+"/v1/channels/user:mina/events", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token.String()))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	cfg.Token.User = "\xff"
	require.ErrorContains(t, RunBellhop(t.Context(), cfg, Invocation{Command: "token", Stdout: &token}), "invalid subject")
}
