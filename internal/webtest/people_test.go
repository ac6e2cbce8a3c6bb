package webtest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	// handOver bounds how long two streams of one person overlap while one takes over
	// from another.
	handOver = 2 * time.Second

	// Who marks what tells whose mark it was: testdata/people.js has these too.
	minasEvents, jonasEvents, mostOfJonas = 120, 20, 50
	jonasReads                            = 10

	retained = 1000 // of an inbox, by its policy
)

var peopleFull = flag.Bool("people.full", false, "two people in one browser: for five minutes, not ten seconds")

// TestTwoPeopleInOneBrowser sign in and out in four tabs: nobody is shown anything
// of the other or marks it, and nobody has two streams but while one takes over.
func TestTwoPeopleInOneBrowser(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"by token": "", "by cookie": "cookie"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			length := 10 * time.Second
			if *peopleFull {
				length = 5 * time.Minute
			}
			p := newPeople(t, testenv.ChromiumFor(t, length+5*patience, chromedp.Flag("ignore-certificate-errors", true)), query)
			defer p.report()
			for end := time.Now().Add(length); time.Now().Before(end); {
				p.step()
			}
			p.settle()
		})
	}
}

// people are two persons at four tabs of one browser.
type people struct {
	*house
	front    *front
	random   *rand.Rand
	query    string
	tabs     []*visitor
	fresh    []bool // loaded since somebody signed in or out
	signedIn string
	signings []signing
	events   map[string]int // by person
}

// newPeople has the four tabs open, and Mina signed in.
func newPeople(t *testing.T, first context.Context, query string) *people {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p := &people{
		house: newHouse(t), random: rand.New(rand.NewPCG(seed, 0)), query: query,
		fresh: make([]bool, 4), events: make(map[string]int),
	}
	p.front = newFront(t, "http://"+p.network.Addr)
	p.tell("mina", minasEvents)
	p.tell("jonas", jonasEvents)
	p.tabs = []*visitor{{t: t, tab: first}}
	for range 3 {
		p.tabs = append(p.tabs, p.tabs[0].newTab())
	}
	for at := range p.tabs {
		p.load(at)
	}
	p.sign(0, "mina")
	return p
}

func (p *people) tell(user string, count int) {
	p.t.Helper()
	for range count {
		p.events[user]++
		p.publish(user, map[string]string{"to": user, "title": fmt.Sprintf("Message %d", p.events[user])})
	}
}

// load loads the page anew, for whoever is signed in.
func (p *people) load(at int) {
	p.t.Helper()
	v := p.tabs[at]
	v.do(chromedp.Navigate(p.front.url + "/people.html?" + p.query))
	p.fresh[at] = true
	v.until(fmt.Sprintf(`window.user === %q && (client === null || client.inbox.loaded)`, p.signedIn))
}

func (p *people) sign(at int, who string) {
	p.t.Helper()
	p.signings = append(p.signings, signing{who: who, from: time.Now().UnixMilli()})
	p.tabs[at].js(fmt.Sprintf("sign(%q)", who))
	if last := len(p.signings) - 2; last >= 0 {
		p.signings[last].to = time.Now().UnixMilli()
	}
	if who != p.signedIn {
		p.signedIn = who
		clear(p.fresh)
	}
	p.load(at)
}

// step is something that may happen at any moment.
func (p *people) step() {
	p.t.Helper()
	at := p.random.IntN(len(p.tabs))
	switch n := p.random.IntN(100); {
	case n < 4:
		p.sign(at, []string{"mina", "jonas", ""}[p.random.IntN(3)])
	case n < 8:
		p.load(at)
	case n < 20:
		p.tell("mina", 1)
	case n < 30 && p.events["jonas"] < mostOfJonas:
		p.tell("jonas", 1)
	default:
		p.act(p.tabs[at])
	}
}

// act has a tab's person do something that the other one never does. Both inboxes
// have the seqs that they name.
func (p *people) act(v *visitor) {
	p.t.Helper()
	// Above those that Jonas reads at once.
	seq := jonasReads + 2 + 2*p.random.IntN((p.events["jonas"]-jonasReads)/2-1)
	deed := []string{
		`act("refresh")`, `act("loadMore")`, `act("reconnect")`, `act("markRead", [seq])`, `act("markUnread", [seq])`, `act("remove", seq)`,
		fmt.Sprintf(`user === "jonas" && act("markRead", %d)`, jonasReads),
	}[p.random.IntN(7)]
	v.js(fmt.Sprintf(`((seq) => %s)(%d + (user === "mina" ? 1 : 0)) && 0`, deed, seq))
}

// settle ends with Mina signed in, and requires that all comes to rest.
func (p *people) settle() {
	p.t.Helper()
	p.sign(0, "jonas")
	p.load(1)
	p.sign(2, "mina")
	p.load(3)
	for at, v := range p.tabs {
		if p.fresh[at] {
			v.until(fmt.Sprintf(`client.status.state === "live" && client.unread === %d && client.items[0].seq === %d`, p.unread("mina"), p.events["mina"]))
		} else {
			v.until(`client.status.state === "denied"`)
		}
	}
	require.Eventually(p.t, func() bool { return p.front.streams() == "mina" }, patience, tick, "one stream, of Mina's")
	before := p.front.seen()
	require.Eventually(p.t, func() bool { return p.front.seen().opened > before.opened }, patience, tick)
	after := p.front.seen()
	require.Equal(p.t, before.overlaps, after.overlaps, "tabs that are left over open streams")
	require.Equal(p.t, "mina", p.front.streams())
	for user, foreign := range map[string]func(seq int) bool{
		"mina":  func(seq int) bool { return seq%2 == 0 },
		"jonas": func(seq int) bool { return seq > jonasReads && seq%2 == 1 },
	} {
		unread := p.inbox(user)
		for seq := max(1, p.events[user]-retained+1); seq <= p.events[user]; seq++ {
			if foreign(seq) {
				require.Contains(p.t, unread, seq, "%s has not marked it", user)
			}
		}
	}
}

// report fails the test for what has crossed over, and says what there was.
func (p *people) report() {
	seen := p.front.seen()
	p.t.Logf("%d streams opened, %d overlapped, for %v at most; %d and %d events", seen.opened, seen.overlaps, seen.longest, p.events["mina"], p.events["jonas"])
	if seen.longest > handOver {
		p.t.Errorf("somebody had two streams for %v", seen.longest)
	}
	for _, crossed := range seen.crossed {
		p.t.Errorf("crossed over: %s", crossed)
	}
	p.t.Logf("%d times a tab that was nobody's became somebody's", len(seen.became))
	for _, became := range seen.became {
		if !founded(became, p.signings) {
			p.t.Errorf("somebody who was not signed in was shown: %+v", became)
		}
	}
}

func (p *people) get(user, path string, answer any) {
	p.t.Helper()
	token, err := auth.SignToken(signingKey, auth.Claims{Subject: user, Expires: time.Now().Add(time.Minute)})
	require.NoError(p.t, err)
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.bellhop.URL+path, http.NoBody)
	require.NoError(p.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	require.Equal(p.t, http.StatusOK, resp.StatusCode)
	require.NoError(p.t, json.NewDecoder(resp.Body).Decode(answer))
}

func (p *people) unread(user string) int {
	p.t.Helper()
	var count struct {
		Unread int `json:"unread"`
	}
	p.get(user, "/v1/inbox/unread", &count)
	return count.Unread
}

// inbox returns the seqs that are unread.
func (p *people) inbox(user string) []int {
	p.t.Helper()
	var seqs []int
	path := "/v1/inbox?limit=100&unread=true"
	for next := new(int); next != nil; {
		var page struct {
			Items []struct {
				Seq int `json:"seq"`
			} `json:"items"`
			Next *int `json:"next"`
		}
		p.get(user, path, &page)
		for _, item := range page.Items {
			seqs = append(seqs, item.Seq)
		}
		if next = page.Next; next != nil {
			path = fmt.Sprintf("/v1/inbox?limit=100&unread=true&before=%d", *next)
		}
	}
	return seqs
}
