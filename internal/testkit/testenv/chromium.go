package testenv

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// browserTimeout bounds what one test does with a browser, browserStop how long
// the browser may take to close.
const (
	browserTimeout = 2 * time.Minute
	browserStop    = 5 * time.Second
)

// Chromium starts a headless Chromium with an empty profile and returns the
// context of its first tab, for chromedp:
//
//	tab := testenv.Chromium(t)
//	require.NoError(t, chromedp.Do(tab, chromedp.Navigate(url), chromedp.Click(chromedp.CSS("#sign-in"))))
//	title, err := chromedp.Run(tab, chromedp.Title())
//
// A further tab of the same browser, with the same cookies, is
// chromedp.NewContext(tab), to be cancelled by the caller. The browser ends with
// the test, and two minutes after it started in any case. A step of its own limit
// runs with a context derived from tab.
func Chromium(tb testing.TB, flags ...chromedp.ExecAllocatorOption) context.Context {
	tb.Helper()
	return ChromiumFor(tb, browserTimeout, flags...)
}

// ChromiumFor is Chromium for a test that takes longer.
func ChromiumFor(tb testing.TB, limit time.Duration, flags ...chromedp.ExecAllocatorOption) context.Context {
	tb.Helper()
	s := newServer(tb, "chromium", "chromium-browser", "google-chrome") // chromedp starts and ends it
	output, err := os.Create(s.process.log)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = output.Close() })

	var browser *exec.Cmd
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(s.process.path),
		chromedp.UserDataDir(filepath.Join(s.dir, "profile")),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("mute-audio", true),
		chromedp.CombinedOutput(output),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			browser = cmd
			cmd.SysProcAttr = attributes(syscall.SIGKILL)
		}),
	)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	tb.Cleanup(cancel)
	allocator, cancelAllocator := chromedp.NewExecAllocator(ctx, append(options, flags...)...)
	tb.Cleanup(cancelAllocator)
	tab, cancelTab := chromedp.NewContext(allocator)
	tb.Cleanup(cancelTab)

	started := chromedp.Do(tab)
	tb.Cleanup(func() {
		stop, cancelStop := context.WithTimeout(tab, browserStop)
		defer cancelStop()
		_ = chromedp.Cancel(stop)
		if browser != nil && browser.Process != nil {
			// Its children are not always gone with it.
			_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL)
		}
	})
	if started != nil {
		printed, _ := os.ReadFile(output.Name())
		require.NoError(tb, started, "start Chromium:\n%s", printed)
	}
	return tab
}
