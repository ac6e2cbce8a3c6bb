package app

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestTerminalAsksAndTries: the commands of operators, with keys of the environment, for
// people and for programs, of both programs that have them.
func TestTerminalAsksAndTries(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t), "--jwt-secret="+fleetSecret, "--service-keys=ops@admin="+opsKey+",forum="+fleetKey)
	eventuallyReady(t, h.Service)
	environ := []string{
		"BELLHOP_URL=" + h.URL() + "/", "BELLHOP_KEY=" + fleetKey, "BELLHOP_ADMIN_KEY=" + opsKey, "BELLHOP_TOKEN_SECRET=" + fleetSecret,
	}
	call := func(ctx context.Context, stdout *console, args ...string) (code int, stderr string) {
		errs := new(console)
		p := Process{Args: args, Environ: environ, Stdout: stdout, Stderr: errs}
		code = Run(p, &config.Notifier{}, func(_ context.Context, s *config.Notifier, inv Invocation) error { return RunNotifier(ctx, s, inv) })
		return code, errs.String()
	}
	says := func(args ...string) string {
		t.Helper()
		out := new(console)
		code, stderr := call(t.Context(), out, args...)
		require.Equal(t, ExitOK, code, "%s: %s", args, stderr)
		testenv.NoSecrets(t, "the terminal", out.String()+stderr)
		return out.String()
	}

	heard, ctx := new(console), t.Context()
	listening, stop := context.WithCancel(ctx)
	done := make(chan int, 1)
	go func() {
		code, _ := call(listening, heard, "listen", "--as=Jane Doe", "topic:a")
		done <- code
	}()
	eventually := func(text string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(heard.String(), text) }, patience, tick, "no %q in %s", text, heard)
	}
	eventually("bellhop.ready")
	require.Contains(t, says("publish", "--user=Jane Doe", "comment", `{"post":7}`), "user:~SmFuZSBEb2U  1    yes")
	require.JSONEq(t, `[{"channel":"topic:a","user":"","seq":1,"online":true}]`, says("publish", "--json", "--channel=topic:a", "odds"))
	eventually(`user:~SmFuZSBEb2U 1  comment  {"post":7}`)
	eventually("topic:a 1  odds  null")

	require.Eventually(t, func() bool {
		return regexp.MustCompile(`(?m)^\S+ +gateway .* 1 +2 .* good$`).MatchString(says("show", "fleet"))
	}, patience, tick)
	require.Eventually(t, func() bool {
		out := says("show", "user", "Jane Doe")
		return strings.Contains(out, "unread   1 of 1; read up to 0\n") && strings.Contains(out, "user:~SmFuZSBEb2U 1, topic:a 1")
	}, patience, tick)
	out := says("show", "channel", "user:~SmFuZSBEb2U")
	require.Contains(t, out, "events     1 to 1, epoch ")
	require.NotContains(t, out, `{"post":7}`)
	require.Contains(t, says("show", "channel", "--data", "user:~SmFuZSBEb2U"), `{"post":7}`)
	require.Eventually(t, func() bool {
		out = says("show", "event", "user:~SmFuZSBEb2U", "1")
		return !strings.Contains(out, "no answer")
	}, patience, tick)
	for _, text := range []string{"user:~SmFuZSBEb2U 1: handed over\n", "accepted from forum, request ", "announced on the bus", "handed to the first of 1 streams", "open    "} {
		require.Contains(t, out, text)
	}
	var story struct{ Outcome string }
	require.NoError(t, json.Unmarshal([]byte(says("show", "event", "--json", "topic:a", "2")), &story))
	require.Equal(t, "never_accepted", story.Outcome)

	mute, err := http.NewRequestWithContext(ctx, http.MethodPut, h.URL()+"/v1/inbox/preferences", strings.NewReader(`{"muted":["like"]}`))
	require.NoError(t, err)
	mute.Header.Set("Authorization", "Bearer "+signed(t, "Jane Doe", time.Now()))
	mute.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(mute)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, says("publish", "--user=Jane Doe", "like"), "user:~SmFuZSBEb2U  muted  not known")
	require.Contains(t, says("show", "user", "Jane Doe"), "muted    like\n")

	stop()
	require.Equal(t, ExitOK, <-done)
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"show", "event", "nonsense", "1"}, ExitFailure, "want namespace:key"},
		{[]string{"show", "user", "--admin-key=" + fleetKey, "42"}, ExitFailure, "admin right"},
		{[]string{"publish", "--channel=topic:a", "odds", "{"}, ExitFailure, "not JSON"},
		{[]string{"publish", "odds"}, ExitSettings, "channel"},
		{[]string{"show", "fleet", "--url=http://127.0.0.1:1"}, ExitFailure, "refused"},
		{[]string{"listen", "--gateway-url=" + h.URL(), "room:7"}, ExitFailure, "401"},
	} {
		code, stderr := call(ctx, new(console), tt.args...)
		require.Equal(t, tt.code, code, "%s: %s", tt.args, stderr)
		require.Contains(t, stderr, tt.says)
	}

	// The other program has the same, and finds the process of this machine by itself.
	all := new(console)
	p := Process{Args: []string{"show", "fleet", "--listen=" + h.public.Addr().String()}, Environ: environ[2:], Stdout: all, Stderr: all}
	require.Equal(t, ExitOK, Run(p, &config.Bellhop{}, RunBellhop), all.String())
	require.Contains(t, all.String(), "notifier")
}

// TestTablesPrintNothingThatControlsATerminal: what strangers sent, such as a User-Agent.
func TestTablesPrintNothingThatControlsATerminal(t *testing.T) {
	t.Parallel()
	out := new(console)
	body, err := json.Marshal(map[string]any{"subject": "a\x1b[2J\nb", "streams": []any{map[string]any{"agent": "\x1b]0;x\x07", "transport": "\u009b"}}})
	require.NoError(t, err)
	require.NoError(t, printed(printUser)(out, body))
	require.Contains(t, out.String(), "a?[2J?b")
	require.NotContains(t, out.String(), "\x1b")
	require.NotContains(t, out.String(), "\u009b")
}
