package webtest

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestTabsShareOneStream, which one of them hands on when it is closed; what one
// reads is read in the other.
func TestTabsShareOneStream(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.visit(as("mina"))
	b := a.another(h, as("mina"))
	h.eventuallyStreams("1")
	require.Equal(t, "[true,false]", "["+a.js("client.leader")+","+b.js("client.leader")+"]")

	h.publish("mina", texts(1, 3)...)
	a.eventuallyHas(1, 2, 3)
	b.eventuallyHas(1, 2, 3)
	b.until("client.unread === 3")
	require.Equal(t, "[true,true,true]", b.js("seen.events.map(({ live }) => live)"))
	b.js("client.markRead([2])")
	a.until("client.unread === 2 && client.items[1].read")
	a.js("client.markRead()")
	b.until("client.unread === 0 && client.items.every(({ read }) => read)")

	other := a.another(h, as("jonas"))
	h.eventuallyStreams("2")
	require.Equal(t, "true", other.js("client.leader"), "another person's tab has a stream of its own")

	b.js("client.close()")
	c := a.another(h, as("mina"))
	a.js("client.close()")
	c.until("client.leader && client.status.state === 'live'")
	h.publish("mina", texts(4, 4)...)
	c.eventuallyHas(4)
	h.eventuallyStreams("2")
}

// TestReadOnAnotherDevice is read here at once.
func TestReadOnAnotherDevice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina", texts(1, 3)...)
	desk := h.visit(as("mina"))
	phone := h.visit(as("mina"))
	h.eventuallyStreams("2")
	phone.js("client.markRead([2])")
	desk.until("client.unread === 2 && client.items[1].read")
	phone.js("client.remove(3)")
	desk.until("client.unread === 1 && client.items.length === 2")
	phone.js("client.markUnread([2])")
	desk.until("client.unread === 2 && !client.items[0].read")
	phone.js("client.markRead()")
	desk.until("client.unread === 0")
	require.Equal(t, `["connecting","live"]`, desk.js("seen.states"))
}

// TestLeadersTabIsClosed by the browser, without a word from the page.
func TestLeadersTabIsClosed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.visit(as("nobody")) // the browser ends with its first tab
	a := first.another(h, as("mina"))
	b := first.another(h, as("mina"))
	h.publish("mina", texts(1, 1)...)
	b.eventuallyHas(1)
	require.Equal(t, "true", a.js("client.leader"))
	a.end()
	h.publish("mina", texts(2, 4)...)
	b.until("client.leader")
	b.eventuallyHas(1, 2, 3, 4)
	h.eventuallyStreams("2")
}

// TestFrozenLeader: the browser freezes the tab that holds the stream, as phones do.
// Another one takes over, and the frozen one has missed nothing when it is thawed.
func TestFrozenLeader(t *testing.T) {
	t.Parallel()
	passesOn(t, func(a, _ *visitor) { a.lifecycle("frozen") }, func(a *visitor) { a.lifecycle("active") })
}

// passesOn has the tab that holds the stream stop and go on. Another one leads in between,
// and both have each event once.
func passesOn(t *testing.T, stop func(a, b *visitor), goOn func(a *visitor)) {
	t.Helper()
	h := newHouse(t)
	a := h.visit(as("mina"))
	b := a.another(h, as("mina"))
	h.publish("mina", texts(1, 1)...)
	a.eventuallyHas(1)
	require.Equal(t, "true", a.js("client.leader"))
	stop(a, b)
	b.until(`client.leader && client.status.state === "live"`)
	h.publish("mina", texts(2, 3)...)
	b.eventuallyHas(1, 2, 3)
	goOn(a)
	a.until("!client.leader && client.unread === 3")
	a.eventuallyHas(1, 2, 3)
	h.publish("mina", texts(4, 4)...)
	a.eventuallyHas(1, 2, 3, 4)
	b.eventuallyHas(1, 2, 3, 4)
	h.eventuallyStreams("1")
}

// lifecycle freezes a tab or makes it active again.
func (v *visitor) lifecycle(state string) {
	v.t.Helper()
	_, err := chromedp.Call(v.tab, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: page.SetWebLifecycleStateState(state)})
	require.NoError(v.t, err)
}

// TestLostNetwork: connections that break, and ones that fall silent.
func TestLostNetwork(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	h.publish("mina", texts(1, 1)...)
	v.eventuallyHas(1)

	h.network.Refuse()
	v.until(`client.status.state === "retrying"`)
	h.publish("mina", texts(2, 4)...)
	h.network.Resume()
	v.eventuallyHas(1, 2, 3, 4)
	v.until(`client.status.state === "live"`)

	h.network.Stall()
	v.until(`seen.states.includes("retrying: silence")`)
	h.publish("mina", texts(5, 6)...)
	h.network.Cut()
	h.network.Resume()
	v.eventuallyHas(1, 2, 3, 4, 5, 6)
	v.until(`client.status.state === "live" && client.unread === 6`)
	require.Equal(t, "0", v.js("seen.resets"))
}

// TestGatewayIsKilled and comes back after a while of 502, at which an EventSource
// would have given up.
func TestGatewayIsKilled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.visit(as("mina"))
	b := a.another(h, as("mina"))
	h.publish("mina", texts(1, 2)...)
	b.eventuallyHas(1, 2)
	h.bellhop.Kill(t)
	a.until(`seen.states.some((state) => /^retrying: .*(502|Bad Gateway)/.test(state))`)
	h.bellhop.Start(t)
	h.publish("mina", texts(3, 3)...)
	for _, v := range []*visitor{a, b} {
		v.eventuallyHas(1, 2, 3)
		v.until(`client.status.state === "live" && client.unread === 3`)
	}
	h.eventuallyStreams("1")
}

// TestTokenIsRenewed again and again while events arrive.
func TestTokenIsRenewed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina", "life", "4s"))
	for i := 1; i <= 3; i++ {
		h.publish("mina", texts(i, i)...)
		v.until("seen.renewals >= " + string(rune('0'+i)))
	}
	h.publish("mina", texts(4, 4)...)
	v.eventuallyHas(1, 2, 3, 4)
	require.Equal(t, "false", v.js(`seen.states.some((state) => state.startsWith("denied"))`))
}

// TestEventSourceWithCookie: the browser's own client, as far as it goes.
func TestEventSourceWithCookie(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina", "cookie", "", "transport", "eventsource"))
	h.publish("mina", texts(1, 2)...)
	v.eventuallyHas(1, 2)
	h.network.Refuse()
	v.until(`client.status.state === "retrying"`)
	h.publish("mina", texts(3, 3)...)
	h.network.Resume()
	v.eventuallyHas(1, 2, 3)
	v.js("client.markRead()")
	v.until("client.unread === 0")
}

// TestBackToThePage: a page that is kept for the back button lets go of its stream,
// and has missed nothing when it is shown again, or is loaded anew.
func TestBackToThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	for i, kept := 1, false; !kept; i += 2 {
		require.Less(t, i, 10, "never kept") // a busy browser does without
		h.publish("mina", texts(i, i)...)
		v.until(fmt.Sprintf("client.unread === %d", i))
		v.do(chromedp.Navigate("http://" + h.network.Addr + "/bellhop.d.ts"))
		h.eventuallyStreams("0")
		h.publish("mina", texts(i+1, i+1)...)
		v.js("setTimeout(() => history.back())") // chromedp's own waits for the page to be loaded
		v.until(fmt.Sprintf(`window.client?.status.state === "live" && client.unread === %d && client.items.length === %[1]d`, i+1))
		h.eventuallyStreams("1")
		kept = v.js("seen.kept === 1 && seen.events.length === 2") == "true"
	}
}
