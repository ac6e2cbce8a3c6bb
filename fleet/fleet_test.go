package fleet

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

// join starts a member that answers what it is asked with its name.
func join(t *testing.T, bus fanout.Bus, name string, answer AnswerFunc) (m *Member, leave func()) {
	t.Helper()
	m = New(Config{Self: Process{Name: name, Role: RoleGateway}, Bus: bus})
	if answer == nil {
		answer = func(context.Context, Question) (any, error) { return name, nil }
	}
	m.Answer("name", answer)
	s := bus.Subscriber(m.Tap(nil))
	m.Start(s)
	leave = func() {
		require.NoError(t, m.Close())
		require.NoError(t, s.Close())
	}
	t.Cleanup(leave)
	synctest.Wait()
	return m, leave
}

func names(of []Process) (all []string) {
	for _, p := range of {
		all = append(all, p.Name)
	}
	return all
}

func ask(t *testing.T, m *Member, about string) (answered, silent []string) {
	t.Helper()
	got := Ask[string](t.Context(), m, about, Question{Person: "42"})
	for _, a := range got.Of {
		require.Equal(t, a.From.Name, a.Body)
		answered = append(answered, a.From.Name)
	}
	return answered, names(got.Silent)
}

// TestAllAnswerAndNobodyIsWaitedFor: with all answers there the question is over; who goes
// is not waited for, and it is known that it went.
func TestAllAnswerAndNobodyIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := fanout.NewMemory(fanout.Config{})
		a, _ := join(t, bus, "a", nil)
		_, leave := join(t, bus, "b", nil)
		join(t, bus, "c", nil)
		began := time.Now()
		answered, silent := ask(t, a, "name")
		require.Equal(t, []string{"a", "b", "c"}, answered)
		require.Empty(t, silent)
		leave()
		synctest.Wait()
		answered, silent = ask(t, a, "name")
		require.Equal(t, []string{"a", "c"}, answered)
		require.Empty(t, silent)
		require.Zero(t, time.Since(began))
		require.Len(t, a.Left(), 1)
		require.Equal(t, "b", a.Left()[0].Name)
		<-time.After(RememberFor + time.Second)
		require.Empty(t, a.Left())
	})
}

// TestWhoDoesNotAnswerIsNamed after Wait: one that hangs, fails, says too much, or does not
// know the question. One that nobody hears of any more is forgotten in the end.
func TestWhoDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := fanout.NewMemory(fanout.Config{})
		a, _ := join(t, bus, "a", nil)
		join(t, bus, "fails", func(context.Context, Question) (any, error) { return nil, errors.New("no") })
		join(t, bus, "hangs", func(ctx context.Context, _ Question) (any, error) { <-ctx.Done(); return "", ctx.Err() })
		join(t, bus, "talks", func(context.Context, Question) (any, error) { return strings.Repeat("x", maxBody), nil })
		join(t, bus, "else", func(context.Context, Question) (any, error) { return 17, nil })
		began := time.Now()
		answered, silent := ask(t, a, "name")
		require.Equal(t, []string{"a"}, answered)
		require.Equal(t, []string{"else", "fails", "hangs", "talks"}, silent)
		require.LessOrEqual(t, time.Since(began), Wait)
		answered, silent = ask(t, a, "what nobody knows")
		require.Empty(t, answered)
		require.Len(t, silent, 5)

		a.hear(Process{ID: "x", Name: "crashed"}, false)
		_, silent = ask(t, a, "name")
		require.Contains(t, silent, "crashed")
		<-time.After(forgetAfter + beatEvery)
		synctest.Wait()
		_, silent = ask(t, a, "name")
		require.NotContains(t, silent, "crashed")
		require.Equal(t, "crashed", a.Left()[0].Name)
	})
}

// TestStrangersDoNoHarm: what cannot be read, what nobody asked for, and more than there is
// room for.
func TestStrangersDoNoHarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := fanout.NewMemory(fanout.Config{})
		a, _ := join(t, bus, "a", nil)
		for _, text := range []string{"", "{}", "[]", `{"from":{"id":"x"},"kind":"answer","number":1}`, `{"from":{"id":"y"},"kind":"what"}`} {
			frame := event.Frame("event: fleet\ndata: " + text + "\n")
			_, err := bus.Publish(t.Context(), []fanout.Message{{Channel: a.replies, Epoch: dressEpoch, Seq: 1, Frame: frame}})
			require.NoError(t, err)
		}
		for i := range 2 * maxKnown {
			a.hear(Process{ID: strconv.Itoa(i)}, false)
		}
		require.Len(t, a.Known(), maxKnown)
		for i := range 2 * maxKnown {
			a.hear(Process{ID: strconv.Itoa(i)}, true)
		}
		require.LessOrEqual(t, len(a.Left()), maxLeft)
		answered, _ := ask(t, a, "name")
		require.Equal(t, []string{"a"}, answered)
	})
}

// TestClientsCannotListenIn: no name of a channel that a client may ask for is one of these.
func TestClientsCannotListenIn(t *testing.T) {
	t.Parallel()
	m := New(Config{})
	for _, ch := range []event.Channel{questions, m.replies} {
		_, err := event.ParseChannel(string(ch))
		require.ErrorIs(t, err, event.ErrChannel)
	}
}

// TestOthersMessagesPass through the tap.
func TestOthersMessagesPass(t *testing.T) {
	t.Parallel()
	m := New(Config{})
	var got []event.Channel
	h := m.Tap(recorder{got: &got})
	h.Message(fanout.Message{Channel: "user:42"})
	h.Message(fanout.Message{Channel: questions})
	h.Suspect(true)
	require.Equal(t, []event.Channel{"user:42"}, got)
	require.True(t, m.InDoubt())
}

type recorder struct {
	nobody

	got *[]event.Channel
}

func (r recorder) Message(m fanout.Message) { *r.got = append(*r.got, m.Channel) }
