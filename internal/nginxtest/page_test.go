package nginxtest

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// page is a tab of a browser.
type page struct {
	t   *testing.T
	tab context.Context
}

// open goes to an address and runs a script there.
func (p page) open(url, script string) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Do(p.tab, chromedp.Navigate(url)))
	p.run(script)
}

// run runs a script that ends with true.
func (p page) run(script string) {
	p.t.Helper()
	_, err := chromedp.Run(p.tab, chromedp.Evaluate[bool](script))
	require.NoError(p.t, err)
}

// number evaluates an expression.
func (p page) number(expression string) int {
	p.t.Helper()
	n, err := chromedp.Run(p.tab, chromedp.Evaluate[int](expression))
	require.NoError(p.t, err)
	return n
}
