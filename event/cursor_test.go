package event_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func TestParseCursor(t *testing.T) {
	t.Parallel()
	c, err := event.ParseCursor("17.k3f9@user:42,205.9xq2@raffle:1,0@room:a@b,0.-@topic:x")
	require.NoError(t, err)
	for ch, want := range map[event.Channel]event.Position{
		"user:42":  {Epoch: "k3f9", Seq: 17},
		"raffle:1": {Epoch: "9xq2", Seq: 205},
		"room:a@b": {},
		"topic:x":  {Epoch: event.NoEpoch},
	} {
		p, ok := c.Position(ch)
		require.True(t, ok, ch)
		require.Equal(t, want, p)
	}
	_, ok := c.Position("user:43")
	require.False(t, ok)
}

func TestParseCursorSpecials(t *testing.T) {
	t.Parallel()
	c, err := event.ParseCursor("")
	require.NoError(t, err)
	_, ok := c.Position("user:1")
	require.False(t, ok)

	c, err = event.ParseCursor("0")
	require.NoError(t, err)
	require.True(t, c.All)
	p, ok := c.Position("user:1")
	require.True(t, ok)
	require.Equal(t, event.Position{}, p)
}

func TestParseCursorRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"1", "00", "x", "17@user:42", "17.@user:42", "17.K3@user:42", ".k3@user:42", "-1.k3@user:42", "+1.k3@user:42", "01.k3@user:42",
		"17.k3f9", "17.k3f9@", "17.k3f9@user", "17.k3f9@user:42,", ",17.k3f9@user:42", "17.k3f9@user:42,18.k3f9@user:42",
		"17.k3f9@user:4 2", "17.-@user:42", "0.@user:1", "17.k3f9@user:42\n", "1.k3@user:1, 2.k3@user:2",
		fmt.Sprintf("%d.k3@user:1", uint64(math.MaxInt64)+1), "99999999999999999999.k3@user:1",
		"1." + strings.Repeat("a", event.MaxEpoch+1) + "@user:1", strings.Repeat("1", event.MaxCursor+1),
	} {
		_, err := event.ParseCursor(s)
		require.ErrorIs(t, err, event.ErrCursor, "%q", s)
	}
}

func TestLongestCursorFits(t *testing.T) {
	t.Parallel()
	var b []byte
	for i := range 16 {
		ch := event.Channel(fmt.Sprintf("%s:%02d%s", strings.Repeat("n", event.MaxNamespace), i, strings.Repeat("k", event.MaxKey-2)))
		p := event.Position{Epoch: event.Epoch(strings.Repeat("e", event.MaxEpoch)), Seq: event.MaxSeq}
		b = event.AppendCursor(b, 0, p, ch)
	}
	require.LessOrEqual(t, len(b), event.MaxCursor)
	_, err := event.ParseCursor(string(b))
	require.NoError(t, err)
}

func TestEpochs(t *testing.T) {
	t.Parallel()
	seen := map[event.Epoch]bool{}
	for range 1000 {
		e := event.NewEpoch()
		require.True(t, e.Valid(), e)
		require.False(t, seen[e])
		seen[e] = true
	}
	for _, e := range []event.Epoch{"", event.NoEpoch, "A", "a.b", "a@b", "a,b", "aaaaaaaaaaaaaaaaa"} {
		require.False(t, e.Valid(), e)
	}
}

//fuzz:least 3000
func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "0", "17.k3f9@user:42,205.9xq2@raffle:1", "0@user:1", "0.-@user:1", "1.a@user:1,", "1.a@b@c:d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := event.ParseCursor(s)
		if err != nil {
			require.ErrorIs(t, err, event.ErrCursor)
			return
		}
		if s == "" || c.All {
			return
		}
		var again []byte
		for part := range strings.SplitSeq(s, ",") {
			_, name, _ := strings.Cut(part, "@")
			ch := event.Channel(name)
			p, ok := c.Position(ch)
			require.True(t, ok)
			again = event.AppendCursor(again, 0, p, ch)
		}
		require.Equal(t, s, string(again), "what is parsed prints as it was")
	})
}
