package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store/kept"
)

// judgeEvery is how often Redis is judged: rights and settings change while programs run.
const judgeEvery = 5 * time.Second

// judgeRedis says once what does not work on this Redis, and once that all does.
// What can't work at all ends a start; later, and while Redis is away, all goes on as
// well as it can. A refused account has the files read anew that may have another
// password.
func (s *Service) judgeRedis(ctx context.Context, bus *fanout.Redis, keptLog *kept.Redis) error {
	const good = "good"
	said := ""
	for first := true; ; first = false {
		err := verdict(ctx, bus, keptLog, s.policies.Load())
		s.redisVerdict.Store(textOf(err))
		if first && errors.Is(err, fanout.ErrUnfit) {
			return err
		}
		if errors.Is(err, fanout.ErrAccountRefused) && s.reread != nil {
			s.reread()
		}
		lasting := errors.Is(err, fanout.ErrUnfit) || errors.Is(err, fanout.ErrAccountRefused) || errors.Is(err, kept.ErrEvicts)
		switch {
		case err == nil && said != good:
			said = good
			s.log.Info("Redis does what is needed")
		case lasting && err.Error() != said:
			said = err.Error()
			s.log.Error("Redis does not do what is needed", "error", err)
		}
		if !wait.For(ctx, judgeEvery) {
			return nil
		}
	}
}

// textOf is what an error says; nil: there is none.
func textOf(err error) *string {
	if err == nil {
		return nil
	}
	return new(err.Error())
}

// verdict is an error that says what does not work. The bus alone needs less.
func verdict(ctx context.Context, bus *fanout.Redis, keptLog *kept.Redis, policies *auth.Policies) error {
	if err := bus.Check(ctx); err != nil {
		return err
	}
	var here []string
	for _, name := range policies.Namespaces() {
		if policy, _ := policies.Lookup(name); policy.Log == auth.LogRedis {
			here = append(here, name)
		}
	}
	if len(here) == 0 {
		return nil
	}
	if err := keptLog.Check(ctx); err != nil {
		return fmt.Errorf("namespaces with log: redis (%s): %w", strings.Join(here, ", "), err)
	}
	return nil
}
