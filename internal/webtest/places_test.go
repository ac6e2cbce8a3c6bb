package webtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// lanName is a name that is no secure context, as of a machine in the same office: no Web Locks there.
const lanName = "bellhop.lan"

// TestEightTabsOnALAN: over plain http a browser opens six connections to a host, and
// has no locks. All tabs work, and so do pages.
func TestEightTabsOnALAN(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, port, _ := strings.Cut(h.network.Addr, ":")
	first := &visitor{t: t, tab: testenv.Chromium(t, chromedp.Flag("host-resolver-rules", "MAP "+lanName+" 127.0.0.1")), end: func() {}}
	address := "http://" + lanName + ":" + port + "/index.html?" + as("mina")
	tabs := []*visitor{first}
	for len(tabs) < 8 {
		tabs = append(tabs, first.newTab())
	}
	for _, v := range tabs {
		v.do(chromedp.Navigate(address))
		v.until(`window.client?.status.state === "live"`)
	}
	require.Equal(t, `[false,false]`, first.js(`[isSecureContext, "locks" in navigator]`))
	h.publish("mina", texts(1, 2)...)
	for _, v := range tabs {
		v.eventuallyHas(1, 2)
	}
	h.eventuallyStreams("1")
	tabs[7].js("client.markRead()")
	first.until("client.unread === 0")
}

// TestPrerenderedPage opens no stream and asks for no token before somebody sees it.
func TestPrerenderedPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("jonas"))
	// Nothing is rendered ahead in a tab that is driven from outside.
	_, err := chromedp.Call(v.tab, target.CreateTarget, target.CreateTargetParams{URL: "http://" + h.network.Addr + "/ahead.html?" + as("mina")})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return h.tokens.of("ahead") > 0 }, patience, tick)
	require.Zero(t, h.tokens.of("mina"))
	require.Equal(t, "1", h.streams())

	v.js(`new BroadcastChannel("ahead").postMessage("go")`)
	h.eventuallyStreams("2")
	all, err := chromedp.Targets(v.tab)
	require.NoError(t, err)
	seen := slices.IndexFunc(all, func(i *target.Info) bool { return strings.Contains(i.URL, "index.html?"+as("mina")) })
	require.GreaterOrEqual(t, seen, 0)
	mina := v.newTab(chromedp.WithTargetID(all[seen].TargetID))
	require.Equal(t, "true", mina.js(`performance.getEntriesByType("navigation")[0].activationStart > 0`))
	mina.until(`client.status.state === "live"`)
	h.publish("mina", texts(1, 1)...)
	mina.eventuallyHas(1)
	require.Equal(t, 1, h.tokens.of("mina"))
}

// TestServiceWorkerThatPassesRequestsOn: a stream through respondWith(fetch(event.request)).
func TestServiceWorkerThatPassesRequestsOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina", texts(1, 1)...)
	v := h.visit(as("mina"))
	v.js(`navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => 0)`)
	v.do(chromedp.Reload())
	v.until(`navigator.serviceWorker.controller !== null && window.client?.status.state === "live" && client.unread === 1`)
	h.publish("mina", texts(2, 3)...)
	v.eventuallyHas(2, 3)
	h.network.Cut()
	h.publish("mina", texts(4, 4)...)
	v.eventuallyHas(2, 3, 4)
	require.Equal(t, `"fetch"`, v.js("client.status.transport"))
	v.js("client.close()")
	h.eventuallyStreams("0")
}

// TestBlockedStorage: a browser that lets a page keep nothing refuses it locks too.
// Its tabs share no stream, and each has everything.
func TestBlockedStorage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "BELLHOP_CORS_ORIGINS=*")
	h.publish("mina", texts(1, 1)...)
	v := h.visit(as("jonas"))
	v.do(chromedp.Navigate("http://" + h.network.Addr + "/blocked.html?" + as("mina")))
	v.until(`window.client?.status.state === "live" && client.unread === 1`)
	require.Equal(t, `["SecurityError","SecurityError"]`, v.js(`Promise.all([(async () => localStorage)(), navigator.locks.request("a", () => {})].map((p) => p.catch(({ name }) => name)))`))
	h.publish("mina", texts(2, 2)...)
	v.eventuallyHas(2)
	v.js("client.markRead()")
	v.until("client.unread === 0")
	h.network.Cut()
	h.publish("mina", texts(3, 3)...)
	v.eventuallyHas(2, 3)
}

// TestHungLeader: the tab that holds the stream stands still without a word, as
// behind a dialog. Another one leads, and nobody is told twice when it goes on.
func TestHungLeader(t *testing.T) {
	t.Parallel()
	passesOn(t, func(a, b *visitor) {
		a.js(`(setTimeout(() => alert("Go on?")), 0)`)
		b.js(`dispatchEvent(new Event("online"))`) // somebody looks
	}, func(a *visitor) {
		_, err := chromedp.Call(a.tab, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		require.NoError(t, err)
	})
}

// TestPrivateWindow shares one stream among its tabs, and none with other windows.
func TestPrivateWindow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	open := h.visit(as("mina"))
	private := open.newTab(chromedp.WithNewBrowserContext())
	private.open(h, as("mina"))
	other := private.another(h, as("mina"))
	h.eventuallyStreams("2")
	h.publish("mina", texts(1, 1)...)
	for _, v := range []*visitor{open, private, other} {
		v.eventuallyHas(1)
	}
	other.js("client.markRead()")
	open.until("client.unread === 0")
	private.until("client.unread === 0")
}
