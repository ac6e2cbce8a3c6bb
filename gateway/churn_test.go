package gateway

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMemoryIsGivenBackAfterChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given atomic.Int64
		s := newChurn(func() { given.Add(1) })
		move := func(n int) {
			for range n {
				s.moved()
			}
		}
		pass := func() {
			<-time.After(churnPause + time.Millisecond)
			synctest.Wait()
		}
		move(churnSize - 1)
		pass()
		require.Zero(t, given.Load(), "that was none")

		move(churnSize)
		for range 3 {
			move(churnSize / 10)
			pass()
			require.Zero(t, given.Load(), "it is not over")
		}
		pass()
		require.EqualValues(t, 1, given.Load())
		move(churnSize - 1)
		pass()
		require.EqualValues(t, 1, given.Load(), "what came before the last time does not count again")
		move(1)
		pass()
		require.EqualValues(t, 2, given.Load())

		move(churnSize)
		s.close()
		pass()
		require.EqualValues(t, 2, given.Load(), "closed")
		move(churnSize)
		pass()
		require.EqualValues(t, 2, given.Load())
		s.close()
	})
}
