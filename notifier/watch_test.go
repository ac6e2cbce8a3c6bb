package notifier

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFleetIsAskedOnceForAllWhoWatch, for so many as may, while there are any, and until
// the process goes away. Who is slow gets the newest.
func TestFleetIsAskedOnceForAllWhoWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		w := newWatch(func(context.Context) (any, error) { asked++; return asked, nil })
		first := w.join()
		for range mostWatchers - 1 {
			require.NotNil(t, w.join())
		}
		require.Nil(t, w.join(), "there is a limit")
		e := <-first
		require.Equal(t, "1", string(e.Data))
		<-time.After(watchEvery*5/2 + time.Millisecond)
		synctest.Wait()
		require.Equal(t, 3, asked)
		later := <-first
		require.Equal(t, "3", string(later.Data))
		require.Greater(t, later.Seq, e.Seq)

		for looks := range w.watchers {
			w.leave(looks)
		}
		<-time.After(time.Minute)
		require.Equal(t, 3, asked, "nobody watches")
		again := w.join()
		<-again
		require.Equal(t, 4, asked)
		w.end()
		_, open := <-again
		require.False(t, open)
		w.leave(again)
		require.Nil(t, w.join())
	})
}
