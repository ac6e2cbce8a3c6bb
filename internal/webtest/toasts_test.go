package webtest

import (
	"github.com/stretchr/testify/require"
)

// toasted are the toasts that can be seen.
const toasted = `[...document.querySelector("bellhop-toasts").shadowRoot.querySelectorAll("li")].map((li) => li.querySelector("strong").textContent).join("|")`

// toasts: what arrives while the list is closed is shown, three at a time, until it is
// read, dismissed, or was there for long enough.
func (p tab) toasts() {
	p.visit("toasts", widths[1])
	p.Evaluate(`import("/bellhop-toasts.js").then(() => {
		const toasts = Object.assign(document.createElement("bellhop-toasts"), { client });
		toasts.setAttribute("duration", "0");
		document.body.append(toasts);
	})`)
	p.h.publish("toasts", texts(1, 4)...)
	p.until(toasted + ` === "Message 1|Message 2|Message 3"`)
	require.Equal(p.t, `"status polite"`, p.Evaluate(`(({ role, ariaLive }) => role + " " + ariaLive)(document.querySelector("bellhop-toasts").shadowRoot.querySelector("ol"))`))
	p.Click(`document.querySelector("bellhop-toasts").shadowRoot.querySelector("button")`)
	p.until(toasted + ` === "Message 2|Message 3|Message 4"`)
	require.Equal(p.t, "4", p.Evaluate("client.unread"), "dismissed is not read")
	p.Evaluate("client.markRead([3])")
	p.until(toasted + ` === "Message 2|Message 4"`)

	p.Evaluate("bell.show()")
	p.h.publish("toasts", texts(5, 5)...)
	p.until("client.items[0].seq === 5")
	p.until(toasted + ` === "Message 2|Message 4"`)
	p.Evaluate("(bell.close(), client.markRead())")
	p.until(toasted + ` === ""`)

	p.Evaluate(`document.querySelector("bellhop-toasts").setAttribute("duration", "0.2")`)
	p.h.publish("toasts", texts(6, 6)...)
	p.until("client.items[0].seq === 6")
	p.until(toasted + ` === ""`)
	p.Evaluate(`document.querySelector("bellhop-toasts").remove()`)
}

func (p tab) unreadInTheTitle() {
	p.visit("title", 0)
	p.Evaluate(`import("/bellhop-attention.js").then(({ showUnread }) => { window.stopTitle = showUnread(client); })`)
	p.until(`document.title === "A page with a bell"`)
	p.h.publish("title", texts(1, 2)...)
	p.until(`document.title === "(2) A page with a bell"`)
	p.Evaluate("client.markRead([1])")
	p.until(`document.title === "(1) A page with a bell"`)
	p.Evaluate(`(document.title = "Another page", 0)`) // as routers do
	p.until(`document.title === "(1) Another page"`)
	p.Evaluate("stopTitle()")
	p.until(`document.title === "Another page"`)
}
