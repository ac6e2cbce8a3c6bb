package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxHeader bounds a request's head: a cookie of 4 KB, a cursor of sixteen
// channels in the header and again in the query, and room for a proxy's.
const maxHeader = 32 << 10

// Serve answers on the listeners, HTTP/1.1 and HTTP/2 in clear text alike,
// until ctx ends or a listener fails, and closes them. At the end it first
// turns /readyz to 503 and waits for DrainDelay, then runs the hooks of OnDrain
// while new requests are still answered (a handler can refuse by itself), but each
// on a connection that has no next one, then takes no connection any more and waits for the
// requests under way. What is not over when
// ShutdownTimeout is, is cut off and logged; that is no error, since one client
// that takes no bytes can bring it about. An error is a listener's. A Server
// serves once.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	srv := &http.Server{
		Handler:           s.Echo,
		ReadHeaderTimeout: s.opt.HeaderTimeout,
		WriteTimeout:      s.opt.WriteTimeout,
		IdleTimeout:       s.opt.IdleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		Protocols:         clearTextProtocols(),
	}
	var waiting []*ahead
	if s.streams != "" {
		door := newEntrance(s.streams)
		srv.Handler, srv.ConnContext, srv.ConnState = door.handler(s.Echo), door.enter, door.state
		listeners = slices.Clone(listeners)
		for i, ln := range listeners {
			a := newAhead(ln, door, s.room)
			listeners[i], waiting = a, append(waiting, a)
		}
	}
	return serve(ctx, srv, s.log, listeners, s.opt.DrainDelay+s.opt.ShutdownTimeout, func(ctx context.Context) {
		s.Drain()
		if s.opt.DrainDelay > 0 {
			s.log.Info("stopping soon; load balancers get time to notice", "delay", s.opt.DrainDelay)
		}
		delay := time.NewTimer(s.opt.DrainDelay)
		defer delay.Stop()
		select {
		case <-delay.C:
		case <-ctx.Done():
		}
		srv.SetKeepAlivesEnabled(false) // who kept a connection open goes elsewhere too
		s.runHooks(ctx)
		for _, a := range waiting {
			a.finish(ctx)
		}
	})
}

func clearTextProtocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// Drain turns the server to draining before Serve's context ends, for a process
// that wants the balancer to look away first. It may be called more than once.
func (s *Server) Drain() { s.draining.Store(true) }

func (s *Server) runHooks(ctx context.Context) {
	s.hooksMu.Lock()
	hooks := s.hooks
	s.hooksMu.Unlock()
	var wg sync.WaitGroup
	for _, hook := range hooks {
		wg.Go(func() { hook(ctx) })
	}
	wg.Wait()
}

// requestGrace is what the hooks of a drain leave of the time for requests that
// are under way when they are done.
const requestGrace = 5 * time.Second

// serve runs srv until ctx ends, then drain and an orderly shutdown.
func serve(ctx context.Context, srv *http.Server, log *slog.Logger, listeners []net.Listener, timeout time.Duration, drain func(context.Context)) error {
	group, failed := errgroup.WithContext(ctx)
	for _, ln := range listeners {
		group.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve on %s: %w", ln.Addr(), err)
			}
			return nil
		})
	}
	<-failed.Done() // ctx, or a listener that can't accept any more
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	hooks, cancelHooks := context.WithTimeout(end, timeout-min(requestGrace, timeout/4))
	drain(hooks)
	cancelHooks()
	if err := srv.Shutdown(end); err != nil {
		// Both errors say only that time was up, or a listener closed before.
		_ = srv.Close()
		log.Warn("requests were cut off", "after", timeout)
	}
	return group.Wait()
}
