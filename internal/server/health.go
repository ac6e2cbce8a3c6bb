package server

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	livePath  = "/livez"
	readyPath = "/readyz"

	// checkTimeout bounds one round of checks.
	checkTimeout = 2 * time.Second
	// checkFresh is how long a round's outcome is handed out: nobody may make
	// the log and the bus work by asking for readiness often.
	checkFresh = 250 * time.Millisecond
)

// Check tells whether a part that the process needs can serve; nil means that
// it can. Its context ends after two seconds. The error's text is shown on
// /readyz, to whoever reaches the listener.
type Check func(context.Context) error

// CheckFailure is one failing check, as /readyz shows it in "checks".
type CheckFailure struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

type health struct {
	mu       sync.Mutex // guards all below; held while a round runs, so that callers share it
	names    []string
	checks   []Check
	failures []CheckFailure
	asked    time.Time
}

// AddCheck has /readyz depend on a part of the process, by a name such as
// "log". It may be called at any time.
func (s *Server) AddCheck(name string, check Check) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.health.names = append(s.health.names, name)
	s.health.checks = append(s.health.checks, check)
	s.health.asked = time.Time{}
}

// Ready runs the checks, all at once, and returns those that fail, in the order
// in which they were added. An outcome is shared for a quarter of a second.
func (s *Server) Ready(ctx context.Context) []CheckFailure {
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.asked.IsZero() && time.Since(h.asked) < checkFresh {
		return h.failures
	}
	// The outcome is for all who wait, so the one who asked first must not be
	// able to cancel it by leaving.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	errs := make([]error, len(h.checks))
	var wg sync.WaitGroup
	for i, check := range h.checks {
		wg.Go(func() { errs[i] = check(ctx) })
	}
	wg.Wait()
	failures := []CheckFailure{}
	for i, err := range errs {
		if err != nil {
			failures = append(failures, CheckFailure{Name: h.names[i], Detail: err.Error()})
		}
	}
	if !slices.Equal(failures, h.failures) {
		for _, f := range failures {
			s.log.Warn("not ready", "check", f.Name, "error", f.Detail)
		}
		if len(failures) == 0 {
			s.log.Info("ready again")
		}
	}
	h.failures, h.asked = failures, time.Now()
	return failures
}

type status struct {
	Status string `json:"status"`
}

// live says that the process runs and can answer; nothing else, since a restart
// would not mend what it depends on.
func (s *Server) live(c echo.Context) error {
	return c.JSON(http.StatusOK, status{"ok"})
}

// ready says whether new requests should be sent here.
func (s *Server) ready(c echo.Context) error {
	if s.Draining() {
		return NewProblem(http.StatusServiceUnavailable, "draining").RetryAfter(time.Second)
	}
	if failures := s.Ready(c.Request().Context()); len(failures) > 0 {
		return NewProblem(http.StatusServiceUnavailable, "not ready").
			With("checks", failures).RetryAfter(time.Second)
	}
	return c.JSON(http.StatusOK, status{"ok"})
}
