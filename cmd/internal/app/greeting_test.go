package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
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

	require.ErrorContains(t, RunBellhop(t.Context(), elsewhere(t), Invocation{Command: "token", Stdout: &token}), "start it, and run this in the same folder")
	cfg.Token.User = "\xff"
	require.ErrorContains(t, RunBellhop(t.Context(), cfg, Invocation{Command: "token", Stdout: &token}), "invalid subject")
}

// elsewhere are settings in a folder where nothing was started.
func elsewhere(t *testing.T) *config.Bellhop {
	t.Helper()
	cfg := &config.Bellhop{}
	_, err := config.Parse(cfg, []string{"token", "mina", "--sqlite=" + freshDB(t)}, nil, io.Discard)
	require.NoError(t, err)
	return cfg
}

// TestTerminalWithTheKeysIsGoodForEverything: for what talks to Bellhop, and for
// another start of it, which has its demo page and nothing to say against them.
func TestTerminalWithTheKeysIsGoodForEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flags := []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--sqlite=" + filepath.Join(dir, "bellhop.db")}
	start := func(environ ...string) (url, log string) {
		cmd, stderr, url := launchIn(t, dir, "bellhop", flags, environ)
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait())
		return url, stderr.String()
	}
	start() // it makes the keys
	env, err := program(t, dir, "bellhop", append(flags, "env"), nil).Output()
	require.NoError(t, err)
	var exported []string
	for line := range strings.Lines(string(env)) {
		v, ok := strings.CutPrefix(strings.TrimSpace(line), "export ")
		require.True(t, ok, line)
		exported = append(exported, v)
	}
	require.Len(t, exported, 4)
	require.Equal(t, "BELLHOP_URL=http://127.0.0.1:0", exported[0])
	_, log := start(exported...)
	require.NotContains(t, log, "level=WARN")
	require.NotContains(t, log, "no demo page")

	// Who exports the file itself is told what that does.
	file, err := os.ReadFile(filepath.Join(dir, "bellhop.db.keys"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	_, log = start(lines[1:]...)
	require.Contains(t, log, `msg="there is no demo page" because="--jwt-secret (BELLHOP_JWT_SECRET) is set; for the demo: unset BELLHOP_JWT_SECRET"`)
	_, log = start(lines[2])
	require.NotContains(t, log, "no demo page")
}

// TestAdminKeyOfTheTerminalIsGood for what the service's own key is not.
func TestAdminKeyOfTheTerminalIsGood(t *testing.T) {
	t.Parallel()
	db := freshDB(t)
	h := startBellhop(t, "--sqlite="+db)
	eventuallyReady(t, h.Service)
	keys, err := loadDevKeys(db + ".keys")
	require.NoError(t, err)
	for key, want := range map[string]int{keys.Service: http.StatusForbidden, keys.admin(): http.StatusNoContent} {
		status, body := post(t, h.URL()+"/v1/admin/disconnect", `{"user":"42"}`, "Authorization", "Bearer "+key)
		require.Equal(t, want, status, body)
	}
}

// TestCtrlCSaysWhyItTakesAWhile on the terminal, where it was pressed.
func TestCtrlCSaysWhyItTakesAWhile(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	eventuallyReady(t, h.Service)
	openStream(t, h.URL(), "topic:a").waitFor("event: bellhop.ready")
	require.NoError(t, h.stop())
	require.Contains(t, h.stdout.String(), "Stopping: open streams (1) end one by one, within 1.1s. Ctrl-C again ends at once.")
	idle := startBellhop(t, "--sqlite="+freshDB(t))
	require.NoError(t, idle.stop())
	require.Contains(t, idle.stdout.String(), "Stopping. Ctrl-C again ends at once.")
}

// TestPagesOfThisMachineMayUseTheDemo from any port, by either name.
func TestPagesOfThisMachineMayUseTheDemo(t *testing.T) {
	t.Parallel()
	for want, flags := range map[string][]string{
		"http://localhost:3000": nil,
		"":                      {"--jwt-secret=" + fleetSecret, "--service-keys=forum=" + fleetKey},
	} {
		h := startBellhop(t, append(flags, "--sqlite="+freshDB(t))...)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL()+"/livez", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Origin", "http://localhost:3000")
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.Header.Get("Access-Control-Allow-Origin"))
	}
}
