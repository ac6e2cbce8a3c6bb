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
// it can. Its context ends after two seconds. The error's text goes to the log
// and to the admin listener's /readyz: it may name hosts and accounts.
type Check func(context.Context) error

// checkResult is what a check said, as /readyz shows it in "checks".
type checkResult struct {
	Name   string `json:"name"`
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"`
}

const (
	checkOK      = "ok"
	checkFailing = "failing"
	// degraded is a part that does not do all it could, for which nobody should be
	// sent elsewhere.
	checkDegraded = "degraded"
)

type health struct {
	mu      sync.Mutex // guards all below; held while a round runs, so that callers share it
	names   []string
	checks  []Check
	results []checkResult
	asked   time.Time

	doubtNames []string
	doubts     []func() string
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

// AddDoubt has the admin listener's /readyz tell what is not as it should be about a part
// without which the process serves all the same: what doubt returns, unless it is
// empty. It must not block. It may be called at any time.
func (s *Server) AddDoubt(name string, doubt func() string) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.health.doubtNames = append(s.health.doubtNames, name)
	s.health.doubts = append(s.health.doubts, doubt)
}

// degraded is what the doubts say.
func (s *Server) degraded() (results []checkResult) {
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, doubt := range h.doubts {
		if detail := doubt(); detail != "" {
			results = append(results, checkResult{Name: h.doubtNames[i], State: checkDegraded, Detail: detail})
		}
	}
	return results
}

// check runs the checks, all at once, and returns what they say, in the order in
// which they were added. An outcome is shared for a quarter of a second.
func (s *Server) check(ctx context.Context) []checkResult {
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.asked.IsZero() && time.Since(h.asked) < checkFresh {
		return h.results
	}
	// The outcome is for all who wait, so the one who asked first must not be
	// able to cancel it by leaving.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	results := make([]checkResult, len(h.checks))
	var wg sync.WaitGroup
	for i, check := range h.checks {
		wg.Go(func() {
			results[i] = checkResult{Name: h.names[i], State: checkOK}
			if err := check(ctx); err != nil {
				results[i].State, results[i].Detail = checkFailing, err.Error()
			}
		})
	}
	wg.Wait()
	s.logChange(h.results, results)
	h.results, h.asked = results, time.Now()
	return results
}

func failing(results []checkResult) bool {
	return slices.ContainsFunc(results, func(r checkResult) bool { return r.State == checkFailing })
}

// logChange says what a round told that the one before it did not.
func (s *Server) logChange(before, results []checkResult) {
	if slices.Equal(before, results) {
		return
	}
	for _, r := range results {
		if r.State == checkFailing {
			s.log.Warn("not ready", "check", r.Name, "error", r.Detail)
		}
	}
	if failing(before) && !failing(results) {
		s.log.Info("ready again")
	}
}

// notReady says why no new requests should be sent here, or nil. The reasons of
// single checks are for operators.
func (s *Server) notReady(ctx context.Context, reasons bool) *Problem {
	if s.Draining() {
		return NewProblem(http.StatusServiceUnavailable, "draining").RetryAfter(time.Second)
	}
	results := s.check(ctx)
	if !failing(results) {
		return nil
	}
	if !reasons {
		results = slices.Clone(results)
		for i := range results {
			results[i].Detail = ""
		}
	}
	return NewProblem(http.StatusServiceUnavailable, "not ready").With("checks", results).RetryAfter(time.Second)
}

type status struct {
	Status string        `json:"status"`
	Checks []checkResult `json:"checks,omitempty"` // that are degraded; for operators
}

// live says that the process runs and can answer; nothing else, since a restart
// would not mend what it depends on.
func (s *Server) live(c echo.Context) error {
	return c.JSON(http.StatusOK, status{Status: "ok"})
}

// ready says whether new requests should be sent here.
func (s *Server) ready(c echo.Context) error {
	if p := s.notReady(c.Request().Context(), false); p != nil {
		return p
	}
	return c.JSON(http.StatusOK, status{Status: "ok"})
}
