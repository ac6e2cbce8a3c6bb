package app

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const quickstart = "docs/quickstart.md"

// TestQuickstartRings follows docs/quickstart.md: its product runs, and in a
// browser a button of one person rings another one's bell.
func TestQuickstartRings(t *testing.T) {
	t.Parallel()
	origin := strings.Replace("http://"+testenv.Address(t), "127.0.0.1", "localhost", 1) // not the name in the page
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "bellhop")
	require.NoError(t, os.Mkdir(dir, 0o700))
	h := startBellhop(t, "--sqlite="+filepath.Join(dir, "bellhop.db"))
	eventuallyReady(t, h.Service)

	// The reader stands in a clone of the repository.
	installIn(t, dir, h)
	require.NoError(t, os.Symlink(filepath.Join(root, "web"), filepath.Join(dir, "web")))
	here := strings.NewReplacer(`listen(3000, "127.0.0.1")`, "listen("+strings.TrimPrefix(origin, "http://localhost:")+`, "127.0.0.1")`)
	shell := codeBlocks(t, quickstart, "sh")
	require.Len(t, shell, 3)
	require.Contains(t, shell[0], "\nmake run\n", "which is what startBellhop did")
	inFolder(t, dir, shell[1])
	product := filepath.Join(dir, "../myapp/server.mjs")
	require.NoError(t, os.WriteFile(product, []byte(here.Replace(codeBlocks(t, quickstart, "js")[0])), 0o600))
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", "set -eu\n"+strings.Replace(here.Replace(shell[2]), "node ", "exec node ", 1))
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		require.Empty(t, said.String())
	})
	require.Eventually(t, func() bool { return status(origin+"/") == http.StatusOK }, patience, tick)

	ben := firstGuest(t, origin)
	anna := ben.another()
	const unread = "document.querySelector('#bell').client?.unread"
	ben.do(chromedp.Navigate(origin + "/?me=ben"))
	ben.eventually("document.querySelector('#bell').client?.status.state", "live")
	anna.do(chromedp.Navigate(origin + "/?me=anna"))
	anna.click("#greet")
	ben.eventually(unread, 1)
	ben.eventually("document.querySelector('#bell').client.items[0].data", map[string]string{"from": "anna"})
	anna.eventually(unread, 0)
}

// TestTokensOfTheQuickstartAreGood: what its programs sign opens an inbox; without the
// secret they say so, and sign nothing.
func TestTokensOfTheQuickstartAreGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := startBellhop(t, "--sqlite="+filepath.Join(dir, "bellhop.db"))
	eventuallyReady(t, h.Service)
	installIn(t, dir, h)
	text, err := os.ReadFile(filepath.Join("..", "..", "..", quickstart))
	require.NoError(t, err)
	examples := regexp.MustCompile("(?s)\n\\*\\*\\w+\\*\\*, `([^`\n]+ (\\S+))`[^\n]*\n\n```\\w+\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.Len(t, examples, 4)
	for _, example := range examples {
		run, file, code := example[1], example[2], example[3]
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			there := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(there, file), []byte(code), 0o600))
			run = "cd '" + there + "'\n" + run
			token := inFolder(t, dir, "eval \"$(bin/bellhop env)\"\n"+run)
			s := openStreamAt(t, h.URL()+"/v1/stream", "Authorization", "Bearer "+strings.TrimSpace(token))
			s.waitFor(`"unread":`) // which only its owner is told
			require.Contains(t, inFolder(t, dir, "! ( "+run+" ) 2>&1"), "BELLHOP_TOKEN_SECRET is not set")
		})
	}
}

// inFolder runs commands in a folder, and returns what they print.
func inFolder(t *testing.T, dir, commands string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", "set -eu\n"+commands)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
