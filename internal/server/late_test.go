package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// asks has the request of a connection be read. The channel is closed when its handler
// goes on.
func (d *doorway) asks(ctx context.Context, i int) (on chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.places[i]
	on = make(chan struct{})
	go func() {
		d.door.asks(ctx, p)
		close(on)
	}()
	synctest.Wait()
	return on
}

// goneOn is how many handlers have gone on.
func goneOn(handlers []chan struct{}) (n int) {
	for _, on := range handlers {
		select {
		case <-on:
			n++
		default:
		}
	}
	return n
}

// A client that is slow to send its request must not be one more beside those who were
// let in for it.
func TestWhoSpeaksLateWaitsForAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoorway()
		d.feed.come(0, 4*entering)
		<-time.After(enterTime + time.Millisecond)
		synctest.Wait()
		require.Len(t, d.in(), 2*entering, "the first ones were silent for too long")
		for i := range entering {
			<-d.asks(t.Context(), entering+i)
		}
		late := make([]chan struct{}, entering)
		for i := range late {
			late[i] = d.asks(t.Context(), i)
			<-d.asks(t.Context(), i) // another request of the same connection
		}
		require.Zero(t, goneOn(late))
		for i := range 10 {
			d.through(entering + i)
			synctest.Wait()
			require.Equal(t, i+1, goneOn(late), "one after the other")
			<-late[i]
		}
		require.Len(t, d.in(), 2*entering, "they come before those who are new")

		<-time.After(askTime - 2*time.Millisecond)
		synctest.Wait()
		require.Equal(t, 10, goneOn(late))
		<-time.After(4 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, entering, goneOn(late), "nobody waits for ever")
		require.NoError(t, d.ahead.Close())
	})
}

func TestWhoSpeaksLateAndLeavesWaitsNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoorway()
		d.feed.come(0, 2*entering)
		<-time.After(enterTime + time.Millisecond)
		synctest.Wait()
		require.Len(t, d.in(), 2*entering)
		ctx, leave := context.WithCancel(t.Context())
		on := d.asks(ctx, 0)
		require.Zero(t, goneOn([]chan struct{}{on}))
		leave()
		<-on
		d.through(0)
		for i := range entering {
			d.through(entering + i)
		}
		require.Zero(t, d.door.in)
		<-d.asks(t.Context(), 1)
		require.Equal(t, 1, d.door.in, "late, and there is a place")
		require.NoError(t, d.ahead.Close())
	})
}
