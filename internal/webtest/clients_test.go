package webtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// output collects what a process prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// TestClientsFromNpm: the recipes of docs/frontend.md receive, and resume after
// proper ends (the streams here are short) and after cut connections, without
// losing or repeating anything.
func TestClientsFromNpm(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "BELLHOP_STREAM_MAX_AGE=3s")
	npm := testenv.NPM(t)
	testenv.NodeModules(t, npm)
	for _, recipe := range []string{
		"fetch-event-source", "event-source-polyfill", "eventsource", "sse-js", "reconnecting-eventsource", "react-native", "expo",
	} {
		t.Run(recipe, func(t *testing.T) {
			t.Parallel()
			h := &house{t: t, bellhop: h.bellhop, network: testenv.Proxy(t, h.network.Addr)}
			token, err := auth.SignToken(signingKey, auth.Claims{Subject: recipe, Expires: time.Now().Add(time.Hour)})
			require.NoError(t, err)
			script := filepath.Join(npm, "recipes", "run.mjs")
			// Not the test's context: that ends before the cleanup does so in order.
			ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
			t.Cleanup(cancel)
			cmd := exec.CommandContext(ctx, testenv.Node(t), script, recipe, "http://"+h.network.Addr, token)
			var seqs, errors output
			cmd.Stdout, cmd.Stderr = &seqs, &errors
			stdin, err := cmd.StdinPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() {
				require.NoError(t, stdin.Close())
				require.NoError(t, cmd.Wait(), "%s", &errors)
			})
			want := new(strings.Builder)
			for i := 1; i <= 8; i++ {
				h.publish(recipe, texts(i, i)...)
				want.WriteString(string(rune('0'+i)) + "\n")
				if i%4 == 2 {
					h.network.Cut()
					continue // one more while it is away
				}
				require.Eventually(t, func() bool { return seqs.String() == want.String() }, patience, tick,
					"after %d: %s\n%s", i, &seqs, &errors)
			}
			if way, ours := map[string]string{"react-native": "poll", "expo": "fetch"}[recipe]; ours {
				require.Equal(t, way, strings.Fields(errors.String())[0], "by what is there")
			}
		})
	}
}

// TestDocsHaveTheRecipes that are tried here.
func TestDocsHaveTheRecipes(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "frontend.md"))
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(testenv.NPM(t), "recipes", "*.mjs"))
	require.NoError(t, err)
	shown := regexp.MustCompile(`(?s)\n// begin\n(.*)\n// end\n`)
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if match := shown.FindSubmatch(text); match != nil {
			require.Contains(t, string(docs), string(match[1]), file)
			count++
		}
	}
	require.Equal(t, 6, count)
}
