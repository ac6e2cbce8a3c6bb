package conn

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/bellhop/bellhop/internal/wait"
)

// piece is the most that is written in one go, and the size of the buffer that
// small blocks are gathered in: enough to spare system calls, and little enough
// that a client on a poor line takes one within SlowTimeout.
const piece = 16 << 10

// Serve carries a stream over any connection that net/http serves, HTTP/1.1 or
// HTTP/2, on the handler's goroutine. It returns when the stream is over and the
// source closed; the handler then returns too, by which net/http ends the
// response properly (or, where writing failed, gives up the connection).
//
// The response's head must have been written. Every write gets a deadline of
// its own, and none is left between writes, so a WriteTimeout of the server
// does not end a stream; but the one that bounds the response's last bytes
// stays, and the server needs a WriteTimeout to replace it at the next request.
func Serve(w http.ResponseWriter, r *http.Request, src Source, opt Options) (reason Reason) {
	p := &portable{
		w:    w,
		rc:   http.NewResponseController(w),
		ctx:  r.Context(),
		src:  src,
		opt:  opt,
		wake: wait.NewSignal(),
	}
	opt.Begin()
	reason = ReasonError // should the source panic: it is closed all the same
	defer func() { reason = Over(src, reason) }()
	return p.run()
}

// portable is one stream on the portable path. One goroutine runs it.
type portable struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	ctx    context.Context
	src    Source
	opt    Options
	wake   wait.Signal
	timer  *time.Timer
	silent time.Time // since when nothing was written
	late   time.Time // the deadline of the newest write
	bufs   [][]byte
}

func (p *portable) run() Reason {
	p.silent = time.Now()
	p.timer = time.NewTimer(time.Until(p.next()))
	defer p.timer.Stop()
	p.src.Start(WakeFunc(p.wake.Raise), 0)
	for {
		if reason := p.drain(); reason != "" {
			return reason
		}
		p.timer.Reset(time.Until(p.next()))
		select {
		case <-p.ctx.Done():
			return ReasonClient
		case <-p.wake:
			// What is due is seen to by drain, or by the timer, which fires at
			// once if its time has passed.
		case <-p.timer.C:
			if p.timeUp() == "" && time.Since(p.silent) >= p.opt.Heartbeat {
				if err := p.write([][]byte{p.src.Heartbeat()}); err != nil {
					return p.failed(err)
				}
			}
		}
	}
}

// drain writes what the source has until it has no more, and returns why the
// stream is over, or nothing if it is not. Time being up is looked at before
// each round: a source that always has more must not outlive its token.
func (p *portable) drain() Reason {
	end := ReasonEnd
	for {
		if p.ctx.Err() != nil {
			return ReasonClient
		}
		if up := p.timeUp(); up != "" && end == ReasonEnd {
			end = up
			p.src.End(up)
		}
		var over bool
		p.bufs, over = p.src.Next(p.bufs[:0], piece)
		said := len(p.bufs) > 0
		if said {
			err := p.write(p.bufs)
			clear(p.bufs) // the frames are shared; an idle stream must not keep them
			if err != nil {
				return p.failed(err)
			}
		}
		switch {
		case over, !said && end != ReasonEnd:
			p.boundLastBytes()
			return end
		case !said:
			return ""
		}
	}
}

// next is when the timer has to fire.
func (p *portable) next() time.Time {
	at := p.silent.Add(p.opt.Heartbeat)
	for _, t := range []time.Time{p.opt.Age, p.opt.Expiry} {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	return at
}

// timeUp is the reason for which the stream has to end by now, if there is one.
func (p *portable) timeUp() Reason {
	switch now := time.Now(); {
	case !p.opt.Expiry.IsZero() && !now.Before(p.opt.Expiry):
		return ReasonExpired
	case !p.opt.Age.IsZero() && !now.Before(p.opt.Age):
		return ReasonAge
	}
	return ""
}

// write hands buffers to the socket, gathered into pieces, and flushes.
func (p *portable) write(bufs [][]byte) error {
	err := p.writePieces(bufs)
	if err == nil {
		err = p.rc.Flush()
	}
	if err != nil {
		// HTTP/2 resets the stream when the deadline passes, and the write then
		// fails for that reason, not for the deadline's.
		if !time.Now().Before(p.late) {
			return errors.Join(os.ErrDeadlineExceeded, err)
		}
		return err
	}
	p.silent = time.Now()
	// On HTTP/2 a deadline that passes between writes would end the stream.
	return p.rc.SetWriteDeadline(time.Time{})
}

// scratches gathers pieces. A stream holds one only while it writes.
var scratches = sync.Pool{New: func() any { return new([piece]byte) }}

func (p *portable) writePieces(bufs [][]byte) error {
	scratch := scratches.Get().(*[piece]byte) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer scratches.Put(scratch)
	n := 0
	for _, b := range bufs {
		for len(b) > 0 {
			c := copy(scratch[n:], b)
			n, b = n+c, b[c:]
			if n < piece {
				continue
			}
			if err := p.writePiece(scratch[:n]); err != nil {
				return err
			}
			n = 0
		}
	}
	return p.writePiece(scratch[:n])
}

// writePiece starts a new deadline: whoever took the piece before is not slow.
func (p *portable) writePiece(b []byte) error {
	p.late = p.deadline(time.Now())
	if err := p.rc.SetWriteDeadline(p.late); err != nil {
		return err
	}
	if len(b) == 0 {
		return nil
	}
	_, err := p.w.Write(b)
	return err
}

// expiryMargin is how long the last words may take once the token has expired.
const expiryMargin = time.Second

// deadline is when a write that begins now has to be over. A client that does not
// read must not outlive its token.
func (p *portable) deadline(now time.Time) time.Time {
	most := p.opt.SlowTimeout
	if left := p.opt.Expiry.Sub(now); !p.opt.Expiry.IsZero() && left < most {
		most = min(most, max(left, 0)+expiryMargin)
	}
	return now.Add(most)
}

// boundLastBytes sets the deadline for what net/http writes when the handler
// has returned.
func (p *portable) boundLastBytes() {
	// It can only fail where the connection is gone, and then nothing blocks.
	_ = p.rc.SetWriteDeadline(time.Now().Add(p.opt.SlowTimeout))
}

func (p *portable) failed(err error) Reason {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && p.timeUp() == ReasonExpired:
		return ReasonExpired
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ReasonSlow
	case p.ctx.Err() != nil, errors.Is(err, net.ErrClosed), Gone(err):
		return ReasonClient
	}
	return ReasonError
}

// Gone tells whether writing to a socket failed because the client left, or its network did.
func Gone(err error) bool {
	for _, no := range []syscall.Errno{syscall.EPIPE, syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}
