package fanout

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// One call tells of all that was lost before it, and of nothing that is lost while it
// is under way: the handler may have asked the log already.
func TestWhatIsLostDuringACallIsToldByAnother(t *testing.T) {
	t.Parallel()
	h, d := hang(t)
	d.lost(ch)
	<-h.lost
	d.lost(ch)
	d.lost(ch)
	h.release()
	<-d.barrier()
	require.Len(t, h.lost, 1)
}

// A queue of a thousand bytes.
func TestNotesTakeRoomInAQueue(t *testing.T) {
	t.Parallel()
	h, d := hang(t)
	d.lost(ch)
	<-h.lost
	long := Message{Channel: ch, Note: &event.Note{Seqs: make([]uint64, 100)}}
	d.message(long)
	d.message(long)
	h.release()
	<-d.barrier()
	require.Len(t, h.lost, 1, "the second note")
	d.message(long)
	<-d.barrier()
	require.Len(t, h.lost, 1, "there is room again")
}

// hanging is a handler whose Lost waits until it is released.
type hanging struct {
	lost     chan event.Channel
	released chan struct{}
	release  func()
}

// hang makes a dispatcher of one worker with such a handler.
func hang(t *testing.T) (*hanging, *dispatcher) {
	t.Helper()
	h := &hanging{lost: make(chan event.Channel, 10), released: make(chan struct{})}
	h.release = sync.OnceFunc(func() { close(h.released) })
	d := newDispatcher(h, 1, 10, 1000)
	t.Cleanup(func() {
		h.release()
		d.close()
	})
	return h, d
}

func (*hanging) Message(Message)            {}
func (*hanging) Subscribed(event.Channel)   {}
func (*hanging) Unsubscribed(event.Channel) {}
func (*hanging) Suspect(bool)               {}
func (h *hanging) Lost(ch event.Channel) {
	h.lost <- ch
	<-h.released
}
