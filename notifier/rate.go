package notifier

import (
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/time/rate"

	"github.com/bellhop/bellhop/internal/server"
)

// rateBurst is for how long a service may save up what it did not use.
const rateBurst = 5 * time.Second

// serviceRates bounds how many requests each service sends in a second. Services
// are those of the configured keys, so there are never many.
type serviceRates struct {
	perSecond int // 0: no limit

	mu   sync.Mutex
	rate map[string]*rate.Limiter
}

func newServiceRates(perSecond int) *serviceRates {
	return &serviceRates{perSecond: perSecond, rate: make(map[string]*rate.Limiter)}
}

func (s *serviceRates) of(service string) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.rate[service]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(s.perSecond), s.perSecond*int(rateBurst/time.Second))
		s.rate[service] = l
	}
	return l
}

// pace is a middleware: it lets requests pass that are within their service's
// rate, before anything of their bodies is read.
func (s *serviceRates) pace(ctx huma.Context, next func(huma.Context)) {
	if s.perSecond > 0 && !s.of(serviceOf(ctx.Context()).Name).Allow() {
		refuse(ctx, server.NewProblem(http.StatusTooManyRequests, "this service sends requests faster than it may").
			With("written", false).RetryAfter(time.Second))
		return
	}
	next(ctx)
}
