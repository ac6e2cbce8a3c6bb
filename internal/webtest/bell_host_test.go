package webtest

import (
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// click presses a mouse's button in the middle of an element.
func (v *visitor) click(element string, options ...chromedp.MouseOption) {
	v.t.Helper()
	var at struct{ X, Y float64 }
	middle := `(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }))(` + element + `.getBoundingClientRect())`
	require.NoError(v.t, json.Unmarshal([]byte(v.js(middle)), &at))
	v.do(chromedp.MouseClickXY(at.X, at.Y, options...))
}

// TestBellInAClosedShadowRoot: a press in its panel is none beside it, although the
// page outside can't see which it was.
func TestBellInAClosedShadowRoot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	v.scheme("light") // nothing moves
	v.width(1000)
	v.js(`(window.beside = document.createElement("p"), beside.textContent = "beside", window.frame = document.createElement("div"),
		document.querySelector("main").prepend(frame), frame.attachShadow({ mode: "closed" }).append(bell, beside))`)
	v.js(`beside.style.marginLeft = document.querySelector("#after").style.marginLeft = "600px"`)
	for _, beside := range []string{"beside", `document.querySelector("#after")`} {
		v.js("bell.show()")
		v.until(inBell("[part=empty]") + " !== null")
		v.click(inBell("h2"))
		v.click(inBell("[part=empty]"))
		require.Equal(t, "true", v.js("bell.open"))
		v.click(beside)
		v.until("!bell.open")
	}
}

// TestBellOpensOnThePageOnly: before it is there it stays closed, and after it can be
// opened.
func TestBellOpensOnThePageOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	require.Equal(t, "false", v.js(`(bell.remove(), bell.show(), bell.open)`))
	require.Equal(t, `[true,true]`, v.js(`(document.body.append(bell), bell.toggle(), [bell.open, `+inBell(".panel")+`.offsetHeight > 0])`))
}

// TestNewTabMarksTheItem: a click that opens a link in another tab marks it as read,
// and asks no router to leave this page.
func TestNewTabMarksTheItem(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, title := range []string{"one", "two", "three"} {
		h.publish("mina", map[string]string{"title": title, "url": "/bellhop.d.ts"})
	}
	v := h.visit(as("mina"))
	v.scheme("light")
	v.js("bell.show()")
	v.shows("* three|* two|* one")
	v.click(inBell(".item:nth-child(1) .item-title"), chromedp.ButtonMiddle)
	v.shows("three|* two|* one")
	v.click(inBell(".item:nth-child(2) .item-title"), chromedp.ButtonModifiers(chromedp.ModifierCtrl))
	v.shows("three|two|* one")
	require.Equal(t, "[]", v.js("seen.clicked"))
	v.click(inBell(".item:nth-child(3) .item-title"))
	v.shows("three|two|one")
	require.Equal(t, "[1]", v.js("seen.clicked"))
}

// TestEscapeClosesTheBellAlone, not the dialog that it is in.
func TestEscapeClosesTheBellAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.visit(as("mina"))
	v.js(`(window.dialog = document.createElement("dialog"), document.body.append(dialog), dialog.append(bell), dialog.showModal(), bell.show())`)
	require.Equal(t, "[true,true]", v.js("[dialog.open, bell.open]"))
	v.press(kb.Escape)
	v.until("!bell.open")
	require.Equal(t, "true", v.js("dialog.open"))
	v.press(kb.Escape)
	v.until("!dialog.open")
}
