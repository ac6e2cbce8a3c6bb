package webtest

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestBellFollowsItsURL: another address is another connection, none is none.
func TestBellFollowsItsURL(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina", "cookie", ""))
	h.publish("mina", texts(1, 1)...)
	v.js(`(window.own = document.createElement("bellhop-bell"), own.setAttribute("url", ""), document.body.append(own))`)
	v.until("own.client?.unread === 1")
	v.js(`(window.first = own.client, own.setAttribute("url", location.origin))`)
	v.until(`own.client !== first && own.client?.unread === 1 && first.status.state === "closed"`)
	v.js(`(window.second = own.client, own.remove(), own.setAttribute("url", ""), document.body.append(own))`)
	v.until(`own.client !== second && own.client?.unread === 1 && second.status.state === "closed"`)
	v.js(`(window.third = own.client, own.removeAttribute("url"))`)
	v.until(`own.client === null && third.status.state === "closed"`)

	v.js(`(bell.setAttribute("url", ""), bell.setAttribute("url", "/elsewhere"))`)
	require.Equal(t, "true", v.js(`(bell.client === client && client.status.state === "live")`), "the page's own client is not ours to replace")
}

// TestBellSaysThatItHasNoClient when its script does not come, and tries again.
func TestBellSaysThatItHasNoClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina", texts(1, 1)...)
	v := h.visit(as("mina", "cookie", "")) // signs in
	v.do(chromedp.Navigate("http://" + h.network.Addr + "/bellhop.d.ts"))
	v.js(`(window.faults = [], addEventListener("error", (event) => faults.push(event.message)), import("/bellhop-bell.js"))`)
	h.network.Refuse()
	v.js(`(window.bell = document.createElement("bellhop-bell"), bell.setAttribute("url", ""), document.body.append(bell), bell.show())`)
	v.until(inBell("[part=error] button") + ` !== null && faults.length === 1`)
	h.network.Resume()
	v.js(inBell("[part=error] button") + `.click()`)
	v.shows("* Message 1")
	v.until(inBell("[part=error]") + " === null")
	// Firefox would not ask for the same one again.
	v.until(`performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/bellhop.js?1"))`)
}

// TestBellOfAClientThatCounts: a list that the client does not fetch by itself is
// fetched when the bell is opened.
func TestBellOfAClientThatCounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.publish("mina", texts(1, 2)...)
	v := h.visit(as("mina", "page", "0"))
	v.until(inBell(".badge") + `.textContent === "2"`)
	require.Equal(t, "[0,false]", v.js("[client.items.length, client.inbox.loaded]"))
	v.js("bell.show()")
	v.shows("* Message 2|* Message 1")
	h.publish("mina", texts(3, 3)...)
	v.shows("* Message 3|* Message 2|* Message 1")
}
