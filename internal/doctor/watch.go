package doctor

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// watch is what became of a stream so far. One goroutine reads the stream, another
// one looks.
type watch struct {
	began time.Time

	mu sync.Mutex
	s  sight
}

// sight is a stream at one moment. The times are since its request.
type sight struct {
	answer

	first, last time.Duration // byte of the body; zero: none came
	silence     time.Duration // the longest between two bytes, or since the last one
	age         time.Duration // now, or when it ended
	over        bool
	endErr      error // nil: it ended properly
}

func newWatch() *watch { return &watch{began: time.Now()} }

// open reads a stream until it ends or ctx does.
func (l *look) open(ctx context.Context, w *watch, query url.Values, headers ...string) {
	resp, err := l.send(ctx, http.MethodGet, query, headers)
	if err == nil {
		defer resp.Body.Close()
		w.note(func(s *sight) {
			s.answer = answer{status: resp.StatusCode, proto: resp.Proto, header: resp.Header, took: time.Since(w.began)}
		})
		err = w.read(resp.Body)
	}
	if ctx.Err() != nil {
		return // it was we who ended it
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	w.note(func(s *sight) { s.over, s.age, s.endErr = true, time.Since(w.began), err })
}

func (w *watch) read(body io.Reader) error {
	buf := make([]byte, enoughText)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			w.note(func(s *sight) {
				at := time.Since(w.began)
				if s.first == 0 {
					s.first, s.last = at, at
				}
				s.silence, s.last = max(s.silence, at-s.last), at
				s.text += string(buf[:min(n, enoughText-len(s.text))])
			})
		}
		if err != nil {
			return err
		}
	}
}

func (w *watch) note(change func(*sight)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.s)
}

// now is the stream as it is.
func (w *watch) now() sight {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.s
	if !s.over {
		s.age = time.Since(w.began)
		if s.first > 0 {
			s.silence = max(s.silence, s.age-s.last)
		}
	}
	return s
}
