package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// escalating is an entry that is told of at once.
func escalating(data string, unless store.Unless, cs ...event.Channel) store.Entry {
	e := entry(data, cs...)
	e.Escalate = []store.Escalation{{Target: "main", Unless: unless}}
	return e
}

// due returns what Due does, as seqs of those that are to be told and of those that are not.
func (h Harness) due(t *testing.T) (due []store.Due, told, moot []uint64) {
	t.Helper()
	due, err := h.DB.Due(t.Context())
	require.NoError(t, err)
	for _, e := range due {
		if e.Moot {
			moot = append(moot, e.Seq)
		} else {
			told = append(told, e.Seq)
		}
	}
	return due, told, moot
}

// call makes a call of all that is due.
func (h Harness) call(t *testing.T, id byte) {
	t.Helper()
	due, _, _ := h.due(t)
	require.NotEmpty(t, due)
	require.NoError(t, h.DB.MakeCalls(t.Context(), due, []store.NewCall{{ID: store.CallID{id}, Events: due}}))
}

func (h Harness) claim(t *testing.T, n int) []store.Call {
	t.Helper()
	calls, err := h.DB.ClaimCalls(t.Context(), "main", n, time.Minute)
	require.NoError(t, err)
	return calls
}

var escalateTests = map[string]func(*testing.T, Harness){
	"nothing is written unless a rule asks, and of inboxes alone": func(t *testing.T, h Harness) {
		h.fill(t, inbox, 3)
		h.write(t, escalating(`1`, 0, "room:a"))
		require.Zero(t, h.count(t, "escalations"))
		h.write(t, escalating(`1`, 0, "room:a", inbox))
		require.Equal(t, 1, h.count(t, "escalations"))
	},
	"an escalation is due after its time": func(t *testing.T, h Harness) {
		e := escalating(`1`, store.UnlessRead, inbox)
		e.Escalate[0].After = time.Hour
		e.Escalate = append(e.Escalate, store.Escalation{Target: "other"})
		h.write(t, e)
		due, told, _ := h.due(t)
		require.Equal(t, []uint64{1}, told)
		require.Equal(t, "other", due[0].Target)
		h.exec(t, "UPDATE escalations SET at = at - 3600000")
		due, told, _ = h.due(t)
		require.Equal(t, []uint64{1, 1}, told)
		require.Equal(t, inbox, due[0].Channel)
		require.Equal(t, 1, due[0].Size)
	},
	"what is read, gone or replaced is not told": func(t *testing.T, h Harness) {
		for range 6 {
			h.write(t, escalating(`1`, store.UnlessRead, inbox))
		}
		h.write(t, escalating(`1`, store.UnlessOnline, inbox)) // 7: read, which does not count
		for range 2 {
			e := escalating(`1`, store.UnlessRead, inbox)
			e.CollapseKey = "k"
			h.write(t, e) // 9 for 8
		}
		must := h.must(t, inbox)
		must(h.DB.MarkRead(t.Context(), inbox, 2))
		must(h.DB.MarkUnreadSeqs(t.Context(), inbox, []uint64{1}))
		must(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{4, 7}))
		must(h.DB.Delete(t.Context(), inbox, 5))
		h.exec(t, "UPDATE events SET expires_at = 1 WHERE seq = 6")
		_, told, moot := h.due(t)
		require.Equal(t, []uint64{1, 3, 7, 9}, told)
		require.Equal(t, []uint64{2, 4, 5, 6, 8}, moot)
		require.NoError(t, h.DB.Purge(t.Context(), inbox))
		_, told, moot = h.due(t)
		require.Empty(t, told)
		require.Len(t, moot, 9)
	},
	"what is seen is not told where that counts": func(t *testing.T, h Harness) {
		for _, unless := range []store.Unless{store.UnlessSeen, store.UnlessRead, store.UnlessSeen, store.UnlessSeen | store.UnlessRead, store.UnlessSeen} {
			h.write(t, escalating(`1`, unless, inbox))
		}
		h.must(t, inbox)(h.DB.MarkSeen(t.Context(), inbox, 2))
		h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{3}))
		due, told, moot := h.due(t)
		require.Equal(t, []uint64{2, 4, 5}, told)
		require.Equal(t, []uint64{1, 3}, moot, "who reads it sees it")
		require.NoError(t, h.DB.MakeCalls(t.Context(), due, []store.NewCall{{ID: store.CallID{1}, Events: due}}))
		h.must(t, inbox)(h.DB.MarkSeen(t.Context(), inbox, 4))
		calls := h.claim(t, 1)
		require.Len(t, calls[0].Events, 2, "what was seen meanwhile is left out")
		require.EqualValues(t, 2, calls[0].Events[0].Seq)
		require.EqualValues(t, 5, calls[0].Events[1].Seq)
	},
	"a call is made once, whoever else makes it": func(t *testing.T, h Harness) {
		h.write(t, escalating(`1`, 0, inbox), escalating(`2`, 0, inbox))
		due, _, _ := h.due(t)
		require.NoError(t, h.DB.MakeCalls(t.Context(), due[:1], []store.NewCall{{ID: store.CallID{1}, Events: due[:1]}}))
		err := h.DB.MakeCalls(t.Context(), due, []store.NewCall{{ID: store.CallID{2}, Events: due}})
		require.ErrorIs(t, err, store.ErrRaced)
		require.ErrorIs(t, err, store.ErrNotWritten)
		require.Equal(t, 1, h.count(t, "escalation_calls"))
		require.Equal(t, 1, h.count(t, "escalations"))
	},
	"a call belongs to who claimed it, until the lease is over": func(t *testing.T, h Harness) {
		h.write(t, escalating(`1`, store.UnlessRead, inbox), escalating(`2`, store.UnlessRead, inbox))
		h.call(t, 1)
		first := h.claim(t, 5)
		require.Len(t, first, 1)
		require.Equal(t, 1, first[0].Tries)
		require.Equal(t, uint64(2), first[0].Unread)
		require.Equal(t, inbox, first[0].Channel)
		require.Empty(t, h.claim(t, 5))

		h.exec(t, "UPDATE escalation_calls SET at = at - 60000")
		h.must(t, inbox)(h.DB.MarkReadSeqs(t.Context(), inbox, []uint64{1}))
		second := h.claim(t, 5)
		require.Len(t, second, 1)
		require.Equal(t, first[0].ID, second[0].ID, "another try has the same name")
		require.Equal(t, 2, second[0].Tries)
		require.Len(t, second[0].Events, 1, "what was read meanwhile is left out")
		require.Equal(t, uint64(2), second[0].Events[0].Seq)
		require.JSONEq(t, `2`, string(second[0].Events[0].Data))

		require.NoError(t, h.DB.PutOffCall(t.Context(), first[0], 0, false, "late"))
		require.Empty(t, h.claim(t, 5), "who lost the lease does not end that of another")
		require.NoError(t, h.DB.PutOffCall(t.Context(), second[0], 0, false, "it said 500"))
		third := h.claim(t, 5)
		require.Len(t, third, 1)
		require.NoError(t, h.DB.EndCall(t.Context(), third[0]))
		require.Zero(t, h.count(t, "escalation_calls"))
	},
	"a parked call is shown, released, and forgotten in the end": func(t *testing.T, h Harness) {
		h.write(t, escalating(`1`, 0, inbox))
		h.call(t, 1)
		require.NoError(t, h.DB.PutOffCall(t.Context(), h.claim(t, 1)[0], time.Hour, true, "it said 500"))
		h.exec(t, "UPDATE escalation_calls SET made = made - 86400000")
		require.Empty(t, h.claim(t, 1))
		to, err := h.DB.CallsTo(t.Context())
		require.NoError(t, err)
		require.Equal(t, []store.CallsTo{{Target: "main", Parked: 1}}, to)
		parked, err := h.DB.ParkedCalls(t.Context())
		require.NoError(t, err)
		require.Len(t, parked, 1)
		require.Equal(t, "it said 500", parked[0].Error)
		require.Equal(t, inbox, parked[0].Channel)

		n, err := h.DB.ReleaseCalls(t.Context(), "main")
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		h.exec(t, "UPDATE escalation_calls SET made = made - 86400000")
		to, err = h.DB.CallsTo(t.Context())
		require.NoError(t, err)
		require.Len(t, to, 1)
		require.Equal(t, 1, to[0].Waiting)
		require.InDelta(t, 24*time.Hour, to[0].Late, float64(time.Minute))
		h.exec(t, "UPDATE escalation_calls SET made = made + 86400000")
		again := h.claim(t, 1)
		require.Len(t, again, 1)
		require.WithinDuration(t, time.Now(), again[0].Made, time.Minute)
		require.NoError(t, h.DB.PutOffCall(t.Context(), again[0], 0, true, ""))
		require.NoError(t, h.DB.ForgetCalls(t.Context(), "main"))
		require.Equal(t, 1, h.count(t, "escalation_calls"), "it is young")
		h.exec(t, "UPDATE escalation_calls SET made = made - ?", store.ParkedLife.Milliseconds()+1000)
		require.NoError(t, h.DB.ForgetCalls(t.Context(), "main"))
		require.Zero(t, h.count(t, "escalation_calls"))
	},
	"a digest is not torn": func(t *testing.T, h Harness) {
		cs := channels("digest", 3)
		for _, c := range cs {
			var all []store.Entry
			for range 200 {
				e := escalating(`1`, 0, c)
				e.Escalate[0].Digest = time.Hour
				all = append(all, e)
			}
			h.write(t, all...)
		}
		h.exec(t, "UPDATE escalations SET at = 1")
		due, _, _ := h.due(t)
		require.Len(t, due, 400)
		require.NoError(t, h.DB.MakeCalls(t.Context(), due, nil))
		require.Equal(t, 200, h.count(t, "escalations"))
	},
}
