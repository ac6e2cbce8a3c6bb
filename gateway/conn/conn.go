// Package conn is how the bytes of a stream reach its socket. It knows nothing
// of channels: a Source makes the bytes, a connection carries them, keeps the
// stream alive while there are none, and ends it.
package conn

import (
	"net/http"
	"time"
)

// Source makes the bytes of one stream. Its methods are called by one goroutine
// at a time, the connection's, and never block.
//
// There is no queue between the two. The connection asks for bytes when the
// socket can take some, and a source that is asked late has more to say, from
// what all streams share. So a slow client costs no memory of its own.
type Source interface {
	// Start tells the source how to wake the connection: by to.Wake(id). Start
	// is called once, before Next.
	Start(to Waker, id uint64)
	// Next appends the bytes to write now to bufs, of about limit bytes together
	// (more if a single block is larger), and returns the result. Appending
	// nothing means that there is nothing to say until the next wake. The
	// slices may be shared with other streams and must not be written to; what
	// they hold stays as it is until the next call of Next, and may then become
	// something else.
	// With end, the response is to be ended properly once they are written.
	Next(bufs [][]byte, limit int) (out [][]byte, end bool)
	// Heartbeat returns what to write after a silence.
	Heartbeat() []byte
	// End tells the source that the stream's time is up (ReasonAge,
	// ReasonExpired). Next then says the last words and asks for the end.
	End(reason Reason)
	// Close tells the source that the stream is over. No call follows.
	Close(reason Reason)
}

// Explainer is a Source that ends streams for more than one reason.
type Explainer interface {
	// Why says for which, once Next has asked for the end and before Close.
	Why() Reason
}

// Over closes the source of a stream that is over, and returns why it is: in
// place of ReasonEnd what the source says, if it is an Explainer.
func Over(src Source, reason Reason) Reason {
	if e, ok := src.(Explainer); ok && reason == ReasonEnd {
		reason = e.Why()
	}
	src.Close(reason)
	return reason
}

// Waker wakes connections. A loop is the waker of all that it carries and tells
// them apart by a number, so that none needs a function of its own.
type Waker interface {
	// Wake leads to a call of Next soon after. It may be called from any
	// goroutine at any time and does not block; once the stream is over it does
	// nothing.
	Wake(id uint64)
}

// WakeFunc is the Waker of a single connection.
type WakeFunc func()

// Wake implements Waker.
func (f WakeFunc) Wake(uint64) { f() }

// Reason says why a stream ended. It is a label in metrics and logs.
type Reason string

// Reasons of a connection. A source may know further ones.
const (
	ReasonEnd     Reason = "end"     // the source ended it
	ReasonAge     Reason = "age"     // it reached its maximum age
	ReasonExpired Reason = "expired" // its token expired
	ReasonClient  Reason = "client"  // the client left, or its network did
	ReasonSlow    Reason = "slow"    // the client took no bytes for SlowTimeout
	ReasonStop    Reason = "stop"    // the process did not wait for its end any longer
	ReasonError   Reason = "error"   // writing failed for another cause
)

// Options of a connection.
type Options struct {
	// Heartbeat is the longest silence on a stream.
	Heartbeat time.Duration
	// SlowTimeout is how long a client may take no bytes at all while there
	// are some for it.
	SlowTimeout time.Duration
	// Age and Expiry are the moments at which the stream ends with
	// ReasonAge and ReasonExpired; the zero time is never. A client that does
	// not take its last bytes is waited for after Age, as SlowTimeout says, but
	// not after Expiry: it is dropped within two seconds.
	Age, Expiry time.Time
	// Begun, if set, is called when the stream begins, or turns out not to. It must not
	// block.
	Begun func()
}

// Begin calls Begun.
func (o *Options) Begin() {
	if o.Begun != nil {
		o.Begun()
	}
}

// Greet writes the head of a response that is going to be a stream, with the
// headers set so far, and the first bytes of its body, and flushes both: proxies
// that hold a response back until its first byte, and clients that wait for it,
// see that the stream is open.
func Greet(w http.ResponseWriter, greeting []byte) error {
	w.WriteHeader(http.StatusOK)
	if len(greeting) > 0 {
		if _, err := w.Write(greeting); err != nil {
			return err
		}
	}
	return http.NewResponseController(w).Flush()
}
