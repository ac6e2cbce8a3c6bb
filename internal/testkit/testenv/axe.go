package testenv

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// axeTimeout bounds one look at a page.
const axeTimeout = 30 * time.Second

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
		require.NoError(tb, chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](axe(tb))))
	}
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](checkPage, AwaitPromise))
	require.NoError(tb, err)
	var found []violation
	require.NoError(tb, json.Unmarshal([]byte(text), &found))
	require.Empty(tb, found, "on %q", where)
}

// axe is the script of axe-core.
func axe(tb testing.TB) string {
	tb.Helper()
	script, err := os.ReadFile(filepath.Join(NodeModules(tb, NPM(tb)), "axe-core", "axe.min.js"))
	require.NoError(tb, err)
	return string(script)
}

// Accessible is the same for any browser, of a page that lets scripts in: the driver's own
// scripts see the page from outside, where axe-core does not work.
func (p *Page) Accessible(where ...string) {
	p.tb.Helper()
	const run = `
		const { dataset } = document.documentElement;
		delete dataset.axe;
		const add = (text) => { const script = Object.assign(document.createElement("script"), { textContent: text }); document.head.append(script); script.remove(); };
		if (!dataset.hasAxe) add(arguments[0]);
		dataset.hasAxe = "yes";
		add(arguments[1] + '.then((found) => { document.documentElement.dataset.axe = found; }, (error) => { document.documentElement.dataset.axe = error; })');`
	p.command("/execute/sync", map[string]any{"script": run, "args": []any{axe(p.tb), checkPage}}, nil)
	found := "undefined"
	require.Eventually(p.tb, func() bool {
		found = p.Evaluate("document.documentElement.dataset.axe")
		return found != "undefined"
	}, axeTimeout, 100*time.Millisecond)
	require.JSONEq(p.tb, `"[]"`, found, "on %q", where)
}

// AwaitPromise has chromedp.Evaluate wait for what a promise brings.
func AwaitPromise(p *runtime.EvaluateParams) {
	await := true
	p.AwaitPromise = &await
}
