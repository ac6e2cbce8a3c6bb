package gateway

import (
	"context"

	"github.com/bellhop/bellhop/fleet"
)

// lookFor is how long streams are waited for that are asked how far they are: the answer
// is to be there within fleet.Wait.
const lookFor = fleet.Wait / 2

// Answer has the gateway answer the fleet's questions.
func (g *Gateway) Answer(m *fleet.Member) {
	ask := func(about string, answer func(context.Context, fleet.Question) any) {
		m.Answer(about, func(ctx context.Context, q fleet.Question) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, lookFor)
			defer cancel()
			return answer(ctx, q), nil
		})
	}
	ask(fleet.AboutLoad, func(context.Context, fleet.Question) any {
		load := g.cfg.Hub.Load()
		load.MaxStreams, load.HeapBytes, load.Servers = g.cfg.MaxStreams, fleet.HeapBytes(), m.Servers()
		return load
	})
	ask(fleet.AboutPerson, func(ctx context.Context, q fleet.Question) any {
		p := g.cfg.Hub.LookPerson(ctx, q.Person)
		p.Most = g.cfg.Limits.UserStreams()
		return p
	})
	ask(fleet.AboutChannel, func(_ context.Context, q fleet.Question) any {
		if ch, held := g.cfg.Hub.LookChannel(q.Channel); held {
			return ch
		}
		return nil
	})
	ask(fleet.AboutOnline, func(_ context.Context, q fleet.Question) any {
		return fleet.Online{People: g.cfg.Hub.Online(q.People)}
	})
	ask(fleet.AboutEvent, func(ctx context.Context, q fleet.Question) any {
		e := g.cfg.Hub.LookEvent(ctx, q.Channel, q.Seq)
		e.Reads = g.reads.of(q.Channel, q.Seq)
		return e
	})
}
