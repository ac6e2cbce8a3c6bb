package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bellhop/bellhop/internal/testkit/loadgen"
)

// TestMain also plays the worker, and who asks for help: the program starts itself
// for that.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == "worker" || strings.HasPrefix(os.Args[1], "-h") || os.Args[1] == "--help") {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestHelpExitsWithoutAnError(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{"-h", "-help", "--help"} {
		out, err := exec.CommandContext(t.Context(), os.Args[0], asked).Output()
		require.NoError(t, err, asked)
		require.Contains(t, string(out), "Usage: loadtest")
	}
}

// settingsFor parses a command line.
func settingsFor(t *testing.T, args ...string) *run {
	t.Helper()
	var s settings
	parser, err := kong.New(&s)
	require.NoError(t, err)
	_, err = parser.Parse(args)
	require.NoError(t, err)
	return &s.Run
}

func TestSettingsBecomeAPlan(t *testing.T) {
	t.Parallel()
	plan := settingsFor(t, "--gateway=http://a:1,http://b:2", "--jwt-secret=s", "--no-inbox", "--channel=topic:a,topic:b",
		"--streams=7", "--processes=3", "--sources=4", "--window=5", "--idle=6s", "--storms=2", "--notifier=http://n:1",
		"--service-key=k", "--broadcast", "--rate=8", "--burst=9", "--size=10", "--duration=11s", "--pid=x=12",
		"--admin=http://c:1", "--patience=13s").plan("self")
	plan.Progress = nil
	require.Equal(t, loadgen.Plan{
		Population: loadgen.Population{
			Gateways: []string{"http://a:1", "http://b:2"}, Shared: []string{"topic:a", "topic:b"}, Secret: "s", Sources: 4, Window: 5,
		},
		Streams: 7, Processes: 3, Idle: 6 * time.Second, Storms: 2,
		Traffic: loadgen.Traffic{
			Notifiers: []string{"http://n:1"}, Key: "k", Shared: []string{"topic:a", "topic:b"},
			Rate: 8, Burst: 9, Size: 10, Duration: 11 * time.Second,
		},
		PIDs: map[string]int{"x": 12}, Collect: []string{"http://c:1"}, Patience: 13 * time.Second, Worker: []string{"self", "worker"},
	}, plan)
	require.Empty(t, settingsFor(t, "--channel=topic:a").plan("self").Traffic.Shared, "events go to inboxes")
}

// Whoever runs a load test in a script hears of what went wrong by its end, and
// has the figures all the same.
func TestRunTellsWhatWentWrong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from, to int // the seqs of a bellhop.ready and of the event after it
		status   int // of a post
		want     error
	}{
		"nothing":         {1, 2, http.StatusCreated, nil},
		"an event lost":   {1, 3, http.StatusCreated, errUnsound},
		"posts that fail": {1, 2, http.StatusServiceUnavailable, errUnpublished},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(tt.status)
					return
				}
				fmt.Fprintf(w, "event: bellhop.ready\ndata: {}\nid: %d.e1@topic:a\n\n", tt.from)
				fmt.Fprintf(w, "event: load\ndata: {\"channel\":\"topic:a\",\"seq\":%d}\nid: %[1]d.e1@topic:a\n\n", tt.to)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			t.Cleanup(srv.Close)
			file := filepath.Join(t.TempDir(), "result.json")
			args := []string{
				"--gateway=" + srv.URL, "--no-inbox", "--channel=topic:a", "--streams=2", "--processes=1", "--idle=50ms",
				"--json=" + file, "--patience=20s",
			}
			if tt.status != http.StatusCreated {
				args = append(args, "--notifier="+srv.URL, "--broadcast", "--rate=100", "--duration=50ms")
			}
			require.ErrorIs(t, settingsFor(t, args...).run(t.Context()), tt.want)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var result loadgen.Result
			require.NoError(t, json.Unmarshal(text, &result))
			require.Equal(t, 2, result.Streams)
			require.EqualValues(t, 2, result.Final.Counts.Events)
		})
	}
}

func TestResultThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	err := settingsFor(t, "--streams=0", "--json="+filepath.Join(t.TempDir(), "no", "file")).run(t.Context())
	require.ErrorContains(t, err, "needs streams")
	require.ErrorContains(t, err, "write the result")
}
