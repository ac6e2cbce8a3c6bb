package app

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVisitorsPageHasRoom between what can be pressed and the cards.
func TestVisitorsPageHasRoom(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	g := firstGuest(t, h.URL())
	g.visit("")
	for _, page := range []string{"", "community", "posts/1", "study", "raffle"} {
		g.show(page)
		g.eventually(touching, []string{})
	}
}

// TestToastsGoOnceRead, wherever that was, and can be put away.
func TestToastsGoOnceRead(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	mina := firstGuest(t, h.URL())
	mina.signIn("mina", "#/raffle/1")
	mina.eventually(unread, 3)
	toasts := `[...document.querySelectorAll(".toast strong")].map((e) => e.textContent)`
	token := tokenOf(t, h, "jonas")
	note := func() {
		code, answer := post(t, h.URL()+"/api/v1/notes", `{"to":"mina","text":"hello"}`, "Authorization", "Bearer "+token)
		require.Equal(t, http.StatusCreated, code, answer)
	}
	note()
	mina.eventually(toasts, []string{"A note from Jonas"})
	mina.click(".toast button")
	mina.eventually(toasts, []string{})
	note()
	note()
	mina.eventually(toasts, []string{"A note from Jonas", "A note from Jonas"})
	mina.eventually(`(`+bell+`.show(), `+bell+`.shadowRoot.querySelector("[part=mark-all]").click(), `+bell+`.close(), true)`, true)
	mina.eventually(toasts, []string{})
}

// TestBellAndPageTellOneTime of one note.
func TestBellAndPageTellOneTime(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	mina := firstGuest(t, h.URL())
	mina.signIn("mina", "#/notes")
	mina.eventually(unread, 3)
	mina.eventually(`(`+bell+`.show(), [...`+bell+`.shadowRoot.querySelectorAll(".item")].filter((e) => e.textContent.includes("A note")).map((e) => e.querySelector("time").textContent === document.querySelector("[data-note] .meta span:last-child").textContent))`, []bool{true})
}

// TestChartBeginsAndEndsInItsPlot, with one ticket, with few, and with more than it
// has room for in height; the name of who has won is not below the confetti.
func TestChartBeginsAndEndsInItsPlot(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	g := firstGuest(t, h.URL())
	g.signIn("mina", "#/raffle/1")
	g.click(".raffle-end summary")
	g.write("#new-raffle input", "A bone")
	g.click("#new-raffle .primary")
	g.waitFor("[data-raffle='2']")
	g.eventually(`document.querySelector(".empty-text").textContent !== "" && getComputedStyle(document.querySelector(".now")).display`, "none")
	inPlot := `((line, plot) => [line.width > 20, line.x >= plot.x, line.y >= plot.y, line.y + line.height <= plot.y + plot.height])(
		document.querySelector(".chance-line").getBBox(), document.querySelector("#plot rect").getBBox())`
	yes := []bool{true, true, true, true}
	g.click("#draw-ticket")
	g.eventually(`document.querySelector("#counts").textContent`, "Tickets 1 · People 1")
	g.eventually(inPlot, yes)
	g.click("#crowd")
	g.eventually(`document.querySelector("#counts").textContent`, "Tickets 31 · People 31")
	g.eventually(inPlot, yes)
	g.click("#draw")
	g.waitFor("#winner h2")
	g.eventually(`getComputedStyle(document.querySelector(".burst")).zIndex`, "-1")
	// Nor is there a gap where the buttons were, or beside what came instead.
	g.eventually(`((counts, visitors) => visitors.top - counts.bottom < 60)(document.querySelector("#counts").getBoundingClientRect(), document.querySelector(".visitors").getBoundingClientRect())`, true)
	g.eventually(`((last, stage) => stage.bottom - last.bottom < 40)(document.querySelector(".numbers").getBoundingClientRect(), document.querySelector(".stage").getBoundingClientRect())`, true)
}
