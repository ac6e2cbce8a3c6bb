package hub

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/store"
)

// slowKept is a kept log whose questions take a while, and are remembered.
type slowKept struct {
	Kept
	takes time.Duration

	mu    sync.Mutex
	asked [][]event.Channel
}

func (k *slowKept) Heads(ctx context.Context, names []event.Channel, fresh bool) ([]store.KeptHead, error) {
	k.mu.Lock()
	k.asked = append(k.asked, names)
	k.mu.Unlock()
	<-time.After(k.takes)
	return k.Kept.Heads(ctx, names, fresh)
}

// questions are those that were put since the n-th.
func (k *slowKept) questions(n int) [][]event.Channel {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.asked[n:])
}

// crowd holds kept channels, by few streams.
func (r *keptRig) crowd(channels int) (names []event.Channel) {
	r.t.Helper()
	r.rush = true
	for i := range channels {
		names = append(names, event.Channel(fmt.Sprint("topic:", i)))
	}
	for some := range slices.Chunk(names, 200) {
		r.join("", some...)
	}
	<-time.After(3 * time.Second)
	r.rush = false
	return names
}

// All channels that are held are looked at, again and again, or at once when the
// bus comes back. Whoever joins waits for the question that is under way and for
// its own, and so does every other channel of its stream.
func TestJoinsGoBeforeALookAtAllKeptChannels(t *testing.T) {
	const takes = 10 * time.Millisecond
	for name, disturb := range map[string]func(r *keptRig, names []event.Channel){
		"bus in doubt": func(r *keptRig, _ []event.Channel) { r.bus.handler.Suspect(true) },
		"bus came back": func(r *keptRig, names []event.Channel) {
			for _, ch := range names {
				r.bus.handler.Subscribed(ch)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log *slowKept
				r := newKeptRig(t, Rules{}, func(c *Config) {
					log = &slowKept{Kept: c.Kept, takes: takes}
					c.Kept = log
				})
				names := r.crowd(16 * read.LookMost)
				disturb(r, names)
				<-time.After(3 * takes)
				for i := range 50 {
					before := len(log.questions(0))
					c := &client{t: t}
					late := event.Channel(fmt.Sprint("raffle:", i))
					start := time.Now()
					r.start(Request{Channels: []event.Channel{inbox, late}}, c)
					for len(c.pull()) == 0 {
						synctest.Wait()
						<-time.After(time.Millisecond)
					}
					require.Less(t, time.Since(start), 3*takes)
					asked := log.questions(before)
					at := slices.IndexFunc(asked, func(of []event.Channel) bool { return slices.Contains(of, late) })
					require.LessOrEqual(t, at, 1, "its question is the next, or comes after one that was about to be put")
					require.Equal(t, []event.Channel{late}, asked[at])
					<-time.After(7 * time.Millisecond)
				}
			})
		})
	}
}

// However many join, each channel that is held is looked at.
func TestALookAtAllKeptChannelsGoesOnWhileOthersJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log *slowKept
		r := newKeptRig(t, Rules{}, func(c *Config) {
			log = &slowKept{Kept: c.Kept, takes: 30 * time.Millisecond} // longer than the pace of questions
			c.Kept = log
		})
		names := r.crowd(6 * read.LookMost)
		before := len(log.questions(0))
		r.bus.handler.Suspect(true)
		r.rush = true
		for i := range 200 {
			r.join("", event.Channel(fmt.Sprint("raffle:", i)))
			<-time.After(5 * time.Millisecond)
		}
		looked := make(map[event.Channel]bool)
		for _, of := range log.questions(before) {
			for _, ch := range of {
				looked[ch] = true
			}
		}
		for _, ch := range names {
			require.True(t, looked[ch], ch)
		}
	})
}
