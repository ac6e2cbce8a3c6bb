package app

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	quickstart    = "docs/quickstart.md"
	productOrigin = "http://127.0.0.1:3000"
)

// TestQuickstartRings follows docs/quickstart.md: its product runs, and in a
// browser a button of one person rings another one's bell.
func TestQuickstartRings(t *testing.T) {
	t.Parallel()
	origin := "http://" + testenv.Address(t)
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "bellhop")
	require.NoError(t, os.Mkdir(dir, 0o700))
	h := startBellhop(t, "--cors-origins="+origin, "--sqlite="+filepath.Join(dir, "bellhop.db"))
	eventuallyReady(t, h.Service)

	// The reader stands in a clone of the repository.
	require.NoError(t, os.Symlink(filepath.Join(root, "web"), filepath.Join(dir, "web")))
	here := strings.NewReplacer(productOrigin, origin, "http://127.0.0.1:8080", h.URL(),
		`listen(3000, "127.0.0.1")`, "listen("+strings.TrimPrefix(origin, "http://127.0.0.1:")+`, "127.0.0.1")`)
	shell := codeBlocks(t, quickstart, "sh")
	require.Len(t, shell, 3)
	require.Equal(t, "BELLHOP_CORS_ORIGINS="+productOrigin+" make run\n", shell[0], "which is what startBellhop did")
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

// TestTokensOfTheQuickstartAreGood: what its functions sign opens an inbox, in the
// languages that are here.
func TestTokensOfTheQuickstartAreGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := startBellhop(t, "--sqlite="+filepath.Join(dir, "bellhop.db"))
	eventuallyReady(t, h.Service)
	for name, c := range map[string]struct{ file, language, run string }{
		"Go":     {"main.go", "go", "go run"},
		"Python": {"token.py", "python", "python3 -I"}, // -I: a file called token would stand in for a module
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), c.file)
			require.NoError(t, os.WriteFile(file, []byte(codeBlocks(t, quickstart, c.language)[0]), 0o600))
			token := inFolder(t, dir, ". ./bellhop.db.keys\nexport BELLHOP_JWT_SECRET\n"+c.run+" '"+file+"'")
			s := openStreamAt(t, h.URL()+"/v1/stream", "Authorization", "Bearer "+strings.TrimSpace(token))
			s.waitFor(`"unread":`) // which only its owner is told
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
