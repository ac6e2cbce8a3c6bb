package notifier

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/store"
)

// TestVerdicts: what is certain comes first, and what nobody knows is not guessed.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 20, 15, 28, 0, time.UTC)
	before, after := at.Add(-time.Minute), at.Add(time.Second)
	yes := true
	stream := func(seq uint64, ended *time.Time) heldStream {
		return heldStream{"b", fleet.Stream{Places: []fleet.Place{{Channel: "user:42", Seq: seq, Epoch: "e1"}}, Ended: ended, Reason: "client"}}
	}
	handed := func(epoch event.Epoch, streams int) func(*shownStory) {
		return func(s *shownStory) {
			s.Handed = append(s.Handed, handedBy{Gateway: "b", Handed: fleet.Handed{Epoch: epoch, Streams: streams, Came: at}})
		}
	}
	for name, tt := range map[string]struct {
		change []func(*shownStory)
		want   outcomeKind
		says   string
	}{
		"nothing happened":             {nil, noStream, "waits in the log"},
		"beyond the head":              {[]func(*shownStory){func(s *shownStory) { s.Seq = 18 }}, neverAccepted, "the newest of the channel is 17"},
		"beyond the head of a replica": {[]func(*shownStory){func(s *shownStory) { s.Seq, s.Stale = 18, true }}, notKnown, "primary is away"},
		"of a life that is over": {[]func(*shownStory){func(s *shownStory) {
			s.Seq, s.Accepted = 18, []acceptedBy{{"n", fleet.Accepted{Epoch: "e0", Accepted: at}}}
		}}, isGone, "at 2026-11-21T20:15:28.000Z, in an earlier epoch of the log"},
		"read": {[]func(*shownStory){func(s *shownStory) {
			s.Read = &yes
			s.Reads = []readBy{{"b", fleet.Read{At: at, Address: "192.0.2.1"}}}
		}}, wasRead, "2026-11-21T20:15:28.000Z, by a request from 192.0.2.1 to b"},
		"read, once":         {[]func(*shownStory){func(s *shownStory) { s.Read = &yes }}, wasRead, "the time is not remembered"},
		"handed over":        {[]func(*shownStory){handed("e1", 2), handed("e1", 0)}, handedOver, "2 streams, by b at 2026-11-21T20:15:28.000Z"},
		"of another life":    {[]func(*shownStory){handed("e0", 2)}, noStream, ""},
		"trimmed":            {[]func(*shownStory){func(s *shownStory) { s.Event, s.Floor = nil, 17 }}, isGone, "Retention"},
		"deleted":            {[]func(*shownStory){func(s *shownStory) { s.Event = nil }}, isGone, "deleted"},
		"trimmed and given":  {[]func(*shownStory){handed("e1", 1), func(s *shownStory) { s.Event, s.Floor = nil, 17 }}, handedOver, "1 stream,"},
		"somebody is silent": {[]func(*shownStory){func(s *shownStory) { s.Silent = []string{"gateway c"} }}, notKnown, "silent"},
		"old":                {[]func(*shownStory){func(s *shownStory) { s.Memory[0].Since = &after }}, notKnown, "a remembers, which begins at 2026-11-21T20:15:29.000Z"},
		"no memory":          {[]func(*shownStory){func(s *shownStory) { s.Memory[0].Since = nil }}, notKnown, "--remember"},
		"a notifier without": {[]func(*shownStory){func(s *shownStory) { s.Memory = append(s.Memory, remembers{"n", fleet.RoleNotifier, nil}) }}, noStream, ""},
		"a gateway left":     {[]func(*shownStory){func(s *shownStory) { s.Left = []departed{{"c", after}} }}, notKnown, "c, which stopped at"},
		"one left before":    {[]func(*shownStory){func(s *shownStory) { s.Left = []departed{{"c", before}} }}, noStream, ""},
		"behind":             {[]func(*shownStory){func(s *shownStory) { s.Streams = []heldStream{stream(16, nil)} }}, streamBehind, "1 open stream"},
		"lost":               {[]func(*shownStory){func(s *shownStory) { s.Ended = []heldStream{stream(15, &before), stream(16, &after)} }}, streamEnded, "20:15:29.000Z (client) at b"},
		"conflated": {[]func(*shownStory){func(s *shownStory) {
			s.Policy = &shownPolicy{Conflate: true}
			s.Streams = []heldStream{stream(19, nil)}
		}}, passedOver, "a newer event"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shownStory{
				Channel: "user:42", Seq: 17, Head: 17, Epoch: "e1", Event: &shownEvent{Seq: 17, Time: at},
				Memory: []remembers{{"a", fleet.RoleGateway, &before}},
			}
			for _, change := range tt.change {
				change(&s)
			}
			outcome, why := s.judge()
			require.Equal(t, tt.want, outcome, why)
			require.Contains(t, why, tt.says)
		})
	}
}

// TestPublishersAreRemembered: who, when and to how many gateways, of the newest events.
func TestPublishersAreRemembered(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, unsafe.Sizeof(acceptance{}), uintptr(144), "ten thousand take 1.4 MB")
	r := newRecall(2)
	note := func(seq uint64) *job {
		j := newJob("forum", store.Entry{Channels: []event.Channel{"user:42"}}, false)
		j.requestID = "a-request"
		r.note(j, "e1", &store.Appended{Seqs: []uint64{seq}})
		return j
	}
	first := note(1)
	r.announced(first, []int{3})
	got := r.about("user:42", 1).Accepted
	require.Len(t, got, 1)
	require.Equal(t, []string{"forum", "a-request"}, []string{got[0].Service, got[0].RequestID})
	require.Equal(t, 3, *got[0].Receivers)
	note(2)
	require.Nil(t, r.about("user:42", 2).Accepted[0].Announced)
	note(3)
	r.announced(first, []int{9}) // late: others have its place
	require.Empty(t, r.about("user:42", 1).Accepted)
	require.Nil(t, r.about("user:42", 3).Accepted[0].Announced)
	require.Equal(t, r.about("user:42", 2).Accepted[0].Committed, *r.about("user:42", 1).Since)
	require.Equal(t, uint64(3), r.written())

	off := newRecall(0)
	j := newJob("forum", store.Entry{Channels: []event.Channel{"user:42"}}, false)
	off.note(j, "e1", &store.Appended{Seqs: []uint64{1}})
	off.announced(j, []int{1})
	require.Nil(t, off.about("user:42", 1).Since)
	require.Equal(t, uint64(1), off.written())
}
