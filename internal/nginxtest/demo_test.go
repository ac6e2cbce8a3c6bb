package nginxtest

import (
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// newDemo runs a bellhop with its demo.
func newDemo(t *testing.T) *testenv.Program {
	t.Helper()
	return testenv.RunDemo(t, testenv.Build(t, "./cmd/bellhop"),
		"BELLHOP_SQLITE="+filepath.Join(t.TempDir(), "bellhop.db"), "BELLHOP_DRAIN=100ms")
}

// TestDemoBehindNginx: its page, for somebody with a name and for a visitor whose
// native EventSource knows only the raffle's address.
func TestDemoBehindNginx(t *testing.T) {
	t.Parallel()
	e := newEdge(t, []string{addr(newDemo(t))}, nil)
	first := testenv.Chromium(t)
	second, closeSecond := chromedp.NewContext(first)
	defer closeSecond()
	require.NoError(t, chromedp.Do(second)) // open it: with a step's context it would close with the step
	visitor, mina := page{t, first}, page{t, second}

	watching := `(self.tickets = 0, self.source = new EventSource("/api/v1/raffle/1/subscribe?lastEventId=0"),
		source.addEventListener("probability", (e) => { tickets = JSON.parse(e.data).data.tickets; }), true)`
	visitor.open(e.URL()+"/bell.svg", watching)
	await(t, "what was", func() bool { return visitor.number("tickets") == 6 })
	mina.open(e.URL()+"/?as=mina#/posts/3", "true")
	await(t, "the page is live", func() bool {
		return mina.number(`document.querySelectorAll("#state[data-state=live]").length`) == 1 && mina.number(`document.querySelectorAll(".comment").length`) == 3
	})

	visitor.run(`(self.send = (path, body, headers) => fetch(path, { method: "POST", body: JSON.stringify(body), headers }).then((r) => r.json()),
		send("/api/v1/raffles/1/participate", {}), send("/demo/token", { user: "haru" }).then(({ token }) =>
			send("/api/v1/posts/3/comments", { text: "Meow?" }, { Authorization: "Bearer " + token })), true)`)
	await(t, "the ticket", func() bool { return visitor.number("tickets") == 7 })
	await(t, "the comment, under the post and in the bell", func() bool {
		return mina.number(`document.querySelectorAll(".comment").length`) == 4 &&
			mina.number(`document.querySelector("bellhop-bell").client.items.filter((item) => item.data.by === "haru").length`) == 1
	})
}
