package toolstest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// archiveHolds: three programs, what to read, and what the npm package has.
func archiveHolds(t *testing.T, dist string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "web", "package.json"))
	require.NoError(t, err)
	var client struct{ Files []string }
	require.NoError(t, json.Unmarshal(text, &client))
	want := []string{"LICENSE", "CHANGELOG.md", "README.md", "bin/bellhop", "bin/gateway", "bin/notifier"}
	for _, file := range client.Files {
		if file == "texts" {
			texts, err := filepath.Glob(filepath.Join(root, "web", "texts", "*"))
			require.NoError(t, err)
			for _, text := range texts {
				want = append(want, "web/texts/"+filepath.Base(text))
			}
		} else if file != "LICENSE" {
			want = append(want, "web/"+file)
		}
	}
	var have []string
	for line := range strings.Lines(run(t, root, "tar", "-tzf", only(t, dist, platform+".tar.gz"))) {
		if _, file, _ := strings.Cut(strings.TrimSpace(line), "/"); file != "" && !strings.HasSuffix(file, "/") {
			have = append(have, file)
		}
	}
	require.ElementsMatch(t, want, have)
}

// archiveRings follows the archive's README, without Go: from the file to an event in
// a browser, and in a terminal.
func archiveRings(t *testing.T, dist string) {
	t.Helper()
	began := time.Now()
	dir := unpacked(t, dist)
	steps := commands(t, filepath.Join(dir, "README.md"), "Try it")
	require.Len(t, steps, 3, "start, send, listen")
	url := "http://" + testenv.Address(t)
	environ := []string{
		"PATH=/usr/bin:/bin", "HOME=" + t.TempDir(),
		"BELLHOP_LISTEN=" + strings.TrimPrefix(url, "http://"), "BELLHOP_ADMIN_LISTEN=" + testenv.Address(t),
	}
	start(t, dir, environ, "exec "+steps[0])
	ready(t, url)

	limit := patience
	tab := testenv.Chromium(t)
	steer := func(actions ...chromedp.Action[chromedp.Void]) {
		ctx, cancel := context.WithTimeout(tab, limit)
		defer cancel()
		require.NoError(t, chromedp.Do(ctx, actions...))
	}
	sees := func(expression string, want any) {
		wanted, err := json.Marshal(want)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			ctx, cancel := context.WithTimeout(tab, limit)
			defer cancel()
			have, err := chromedp.Run(ctx, chromedp.Evaluate[string]("JSON.stringify("+expression+")"))
			return err == nil && have == string(wanted)
		}, patience, tick, "%s is to be %s", expression, wanted)
	}
	const client = `document.querySelector("bellhop-bell").client`
	person := chromedp.CSS("[data-person=mina]")
	steer(chromedp.Navigate(url), chromedp.WaitVisible(person), chromedp.Click(person), chromedp.WaitVisible(chromedp.CSS("#state[data-state=live]")))
	sees(client+".unread", 3)

	heard := shell(t, dir, environ, steps[1])
	require.Contains(t, heard, `{"events":[{"channel":"user:mina","seq":`)
	sees(client+".unread", 4)
	sees(client+".items[0].data.text", "Hello from a terminal")
	t.Logf("from the archive to the event in a browser: %.1f s", time.Since(began).Seconds())

	require.Contains(t, shell(t, dir, environ, steps[1]+steps[2]), `"data":{"by":"sora","text":"Hello from a terminal"}`)
}

// start leaves commands running until the test ends, when they have to end in order.
func start(t *testing.T, dir string, environ []string, commands string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", commands)
	cmd.Dir, cmd.Env = dir, environ
	launch(t, cmd)
}

func launch(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.WaitDelay = patience
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait(), "%s", &said)
	})
}

// shell runs commands as somebody at a terminal does, who ends a stream after a
// second by Ctrl-C.
func shell(t *testing.T, dir string, environ []string, commands string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `set -eu
curl() {
  case "$*" in
  *--no-buffer*) command curl --max-time 1 "$@" || test $? = 28 ;;
  *) command curl "$@" ;;
  esac
}
`+commands)
	cmd.Dir, cmd.Env = dir, environ
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", commands, out)
	return string(out)
}
