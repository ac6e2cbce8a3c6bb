package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var keptEpochTests = map[string]keptTest{
	"a channel that was lost begins a new life": {run: func(t *testing.T, h keptLog) {
		seen := make(map[event.Epoch]bool)
		for range 20 {
			epoch := h.fill(t, topic, 3)
			require.False(t, seen[epoch], "no epoch comes twice, however quickly they follow")
			seen[epoch] = true
			require.EqualValues(t, 3, h.head(t, topic).Seq)
			h.Forget(t, topic)
			require.Equal(t, store.KeptHead{Head: store.Head{Channel: topic}}, h.head(t, topic))
			require.Empty(t, h.page(t, store.Range{Channel: topic, Epoch: epoch, Limit: 1}).Epoch)
		}
	}},
	"the loss of one channel is nothing to the others": {run: func(t *testing.T, h keptLog) {
		epoch := h.fill(t, "topic:stays", 2)
		h.fill(t, topic, 2)
		h.Forget(t, topic)
		h.fill(t, topic, 1)
		require.Equal(t, epoch, h.head(t, "topic:stays").Epoch)
	}},
}

var keptKeyTests = map[string]keptTest{
	"a repeated key gets the first answer": {run: func(t *testing.T, h keptLog) {
		h.fill(t, topic, 5)
		first := keyed(entry(`1`, topic), "shop", "order-1", "body")
		r := h.listen(t)
		result := h.write(t, first)[0]
		require.False(t, result.Replayed)
		require.Equal(t, []uint64{6}, result.Seqs)
		h.fill(t, topic, 3)
		again := h.write(t, entry(`x`, topic), first)
		require.Equal(t, store.Appended{Seqs: []uint64{6}, Time: result.Time, Replayed: true}, again[1].Appended)
		require.Equal(t, result.Epoch, again[1].Epoch)
		require.EqualValues(t, 10, h.head(t, topic).Seq)
		heard(t, r, 5)
		require.Equal(t, series(6, 10), r.Seqs(topic), "a replay is not announced")
	}},
	"the first answer stays when the event is trimmed": {keep: store.Retention{MaxCount: 1}, run: func(t *testing.T, h keptLog) {
		e := keyed(entry(`1`, topic), "shop", "k", "same")
		h.write(t, e)
		h.fill(t, topic, 3)
		require.Equal(t, []uint64{1}, h.write(t, e)[0].Seqs)
	}},
}

var keptBusTests = map[string]keptTest{
	"an append is a message with the frame that a reader would render": {run: func(t *testing.T, h keptLog) {
		r := h.listen(t)
		epoch := h.fill(t, topic, 3)
		messages := heard(t, r, 3)
		for i, e := range h.all(t, topic) {
			require.Equal(t, epoch, messages[i].Epoch)
			require.Equal(t, e.Seq, messages[i].Seq)
			require.Equal(t, string(event.NewFrame(&e)), string(messages[i].Frame))
		}
	}},
	"the publisher hears how many listen": {run: func(t *testing.T, h keptLog) {
		want := func(n int) int {
			if h.Counts {
				return n
			}
			return -1
		}
		require.Equal(t, want(0), h.write(t, entry(`1`, topic))[0].Receivers)
		h.listen(t)
		h.listen(t)
		e := keyed(entry(`1`, topic), "shop", "k", "b")
		require.Equal(t, want(2), h.write(t, e)[0].Receivers)
	}},
	"a frame that is too large for the bus stays away, and so does one that has expired": {run: func(t *testing.T, h keptLog) {
		r := h.listen(t)
		expired := entry(`1`, topic)
		expired.ExpiresAt = time.Now().Add(-time.Hour)
		h.write(t, entry(`"`+strings.Repeat("x", 2<<10)+`"`, topic), expired, entry(`2`, topic))
		messages := heard(t, r, 3)
		require.Empty(t, messages[0].Frame)
		require.Empty(t, messages[1].Frame)
		require.NotEmpty(t, messages[2].Frame)
		require.Equal(t, series(1, 3), r.Seqs(topic))
	}},
	"a purge is a message without a frame": {run: func(t *testing.T, h keptLog) {
		epoch := h.fill(t, topic, 2)
		r := h.listen(t)
		require.NoError(t, h.Log.Purge(t.Context(), topic))
		require.Equal(t, epoch, heard(t, r, 1)[0].Epoch)
		require.EqualValues(t, 2, heard(t, r, 1)[0].Seq)
		require.Empty(t, heard(t, r, 1)[0].Frame)
	}},
}
