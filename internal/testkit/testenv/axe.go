package testenv

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// axeTimeout bounds one look at a page.
const axeTimeout = 30 * time.Second

// NPM is the folder where what the tests take from npm is pinned, and installed by
// NodeModules.
func NPM(tb testing.TB) string {
	tb.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	require.NoError(tb, err)
	return filepath.Join(string(module[:len(module)-1]), "web", "testdata")
}

// violation is a rule that a page breaks.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		Target         any    `json:"target"`
		FailureSummary string `json:"failureSummary"` //nolint:tagliatelle // axe-core names it
	} `json:"nodes"`
}

// checkPage has axe-core look at the page as it is now.
const checkPage = `axe.run(document, {
	runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"],
}).then(({ violations }) => JSON.stringify(violations))`

// Accessible requires that nothing in what a tab shows is against WCAG 2.2 AA or
// good practice, as far as axe-core can see. where tells pages and states apart.
func Accessible(tb testing.TB, tab context.Context, where ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tab, axeTimeout)
	defer cancel()
	loaded, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`typeof axe === "object"`))
	require.NoError(tb, err)
	if !loaded {
		script, err := os.ReadFile(filepath.Join(NodeModules(tb, NPM(tb)), "axe-core", "axe.min.js"))
		require.NoError(tb, err)
		require.NoError(tb, chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](string(script))))
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](checkPage, AwaitPromise))
	require.NoError(tb, err)
	var found []violation
	require.NoError(tb, json.Unmarshal([]byte(text), &found))
	require.Empty(tb, found, "on %q", where)
}

// AwaitPromise has chromedp.Evaluate wait for what a promise brings.
func AwaitPromise(p *runtime.EvaluateParams) {
	await := true
	p.AwaitPromise = &await
}
