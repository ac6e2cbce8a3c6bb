package app

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLevelOfTheLogChangesWhileAProgramRuns: by the admin listener, and by SIGHUP to
// what is configured. The ends of streams and the requests of long polls are lines for
// debugging, without people's names.
func TestLevelOfTheLogChangesWhileAProgramRuns(t *testing.T) {
	t.Parallel()
	level := replaceFile(t, filepath.Join(t.TempDir(), "level"), "info\n")
	cmd, stderr, url := launch(t, "bellhop", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--jwt-secret=" + fleetSecret, "--service-keys=forum=" + fleetKey},
		[]string{"BELLHOP_LOG_LEVEL_FILE=" + level})
	admin := regexp.MustCompile(`admin=(\S+)`).FindStringSubmatch(stderr.String())[1]
	set := func(to string, want int) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPut, admin+"/loglevel", strings.NewReader(to))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode)
	}
	token := signed(t, "mina", time.Now())
	visit := func(name string) {
		t.Helper()
		t.Run(name, func(t *testing.T) { // the stream is left at its end
			s := openStreamAt(t, url+"/v1/stream?channel=topic:a", "Authorization", "Bearer "+token, "X-Request-Id", name)
			s.waitFor("event: bellhop.ready")
			code, answer := post(t, url+"/v1/events", `{"channels":["user:mina"],"type":"x","data":"through"}`, "Authorization", "Bearer "+fleetKey)
			require.Equal(t, http.StatusCreated, code, answer)
			s.waitFor("through")
			openStreamAt(t, url+"/v1/stream?wait=1", "Authorization", "Bearer "+token).waitFor("event: bellhop.ready")
		})
	}
	visit("first")
	set("debug\n", http.StatusOK)
	require.Equal(t, "DEBUG\n", fetched(admin+"/loglevel"))
	require.NotContains(t, stderr.String(), "stream ended")
	require.NotContains(t, stderr.String(), "path=/v1/stream", "a stream that opened is no news")

	visit("second")
	line := regexp.MustCompile(`level=DEBUG msg="stream ended" request_id=second person=[0-9a-f]{16} remote=127\.0\.0\.1:\d+ reason=client events=1 bytes=\d{3} behind=0 lasted=`)
	require.Eventually(t, func() bool { return line.MatchString(stderr.String()) }, patience, tick, "%s", stderr)
	require.Regexp(t, `level=DEBUG msg=request method=GET path=/v1/stream`, stderr.String())
	require.NotContains(t, stderr.String(), "mina")

	set("loud", http.StatusBadRequest)
	replaceFile(t, level, "warn")
	hangUp(t, cmd, stderr, "from=DEBUG to=WARN")
	require.Equal(t, "WARN\n", fetched(admin+"/loglevel"))
	set("error", http.StatusOK)
	require.Eventually(t, func() bool {
		return strings.Contains(stderr.String(), `msg="the level of the log was changed" from=WARN to=ERROR`)
	}, patience, tick, "%s", stderr)
}
