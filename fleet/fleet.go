// Package fleet has the processes of an installation know of each other, and answer
// questions that one of them asks all others: which streams somebody has, who handed an
// event over, what each process is about.
//
// Questions and answers travel on the bus, on channels that no client can name. Nothing
// is stored anywhere. Each process says every few seconds that it is there; who was
// heard of and does not answer is named. A process of a version from before that says
// nothing.
package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/wait"
)

// How processes hear of each other.
const (
	// Wait is how long a question waits for answers.
	Wait = 500 * time.Millisecond
	// beatEvery is how often a process says that it is there, and forgetAfter after what
	// silence it is taken for gone.
	beatEvery   = 5 * time.Second
	forgetAfter = time.Minute
	// maxKnown is how many processes are known at most.
	maxKnown = 1000
	// maxLeft is of how many that went away it is remembered.
	maxLeft = 100
	// maxQueue is how many messages wait for the worker, maxAnswering how many questions
	// are answered at once. What is more is dropped: who asked names this process then.
	maxQueue     = 256
	maxAnswering = 4
	// maxBody is the longest answer, in bytes: what the bus carries.
	maxBody = fanout.DefaultMaxFrame - 4<<10
)

// questions is what all members listen to. No name of a client's channel is without a
// colon.
const questions = event.Channel("fleet")

// Process says who a process is.
type Process struct {
	ID      string    `json:"id" doc:"Drawn at random when the process starts."`
	Name    string    `json:"name" doc:"The machine, and the port of the public API." example:"web-1:8080"`
	Role    string    `json:"role" enum:"gateway,notifier" doc:"What it is."`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
}

// Roles of processes.
const (
	RoleGateway  = "gateway"
	RoleNotifier = "notifier"
)

// Config of a Member.
type Config struct {
	Self   Process
	Bus    fanout.Publisher
	Logger *slog.Logger // default: slog.Default()
	// Servers tells what the process stands on, without waiting. Nil: nothing is told.
	Servers func() Servers
}

// AnswerFunc answers a question. It is called by several goroutines and is to be done
// within Wait. What it returns is made JSON of.
type AnswerFunc func(ctx context.Context, q Question) (any, error)

// Member is one process's place in the fleet. It is safe for concurrent use.
type Member struct {
	cfg     Config
	replies event.Channel
	answers map[string]AnswerFunc // not changed after Start
	in      chan message
	placing chan struct{} // a place for each question that is being answered
	doubt   atomic.Bool
	stop    context.CancelFunc
	done    sync.WaitGroup

	mu    sync.Mutex           // guards what follows
	known map[string]Departure // at the time when each was heard of last
	left  []Departure          // the newest last, at most maxLeft
	asked map[uint64]chan<- message
	last  uint64 // number of a question
}

// Departure is when a process went away, or was not heard of any more.
type Departure struct {
	Process

	At time.Time
}

// New makes a member that does nothing yet. It gets an ID of its own.
func New(cfg Config) *Member {
	cfg.Self.ID = rand.Text()
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return &Member{
		cfg: cfg, replies: event.Channel(string(questions) + "/" + cfg.Self.ID), answers: make(map[string]AnswerFunc),
		in: make(chan message, maxQueue), placing: make(chan struct{}, maxAnswering),
		known: make(map[string]Departure), asked: make(map[uint64]chan<- message),
	}
}

// Self is who the member is.
func (m *Member) Self() Process { return m.cfg.Self }

// Servers tells what the process stands on.
func (m *Member) Servers() Servers {
	if m.cfg.Servers == nil {
		return Servers{}
	}
	return m.cfg.Servers()
}

// InDoubt tells whether what the member listens through is in doubt.
func (m *Member) InDoubt() bool { return m.doubt.Load() }

// Answer sets who answers questions about something. Call it before Start.
func (m *Member) Answer(about string, answer AnswerFunc) { m.answers[about] = answer }

// Start begins the work: the member listens through s, whose handler has to be what Tap
// returned. Close ends it, before s is closed.
func (m *Member) Start(s fanout.Subscriber) {
	ctx, cancel := context.WithCancel(context.Background())
	m.stop = cancel
	s.Subscribe(questions, m.replies)
	m.done.Go(func() { m.run(ctx) })
	m.done.Go(func() { m.beat(ctx) })
}

// Close says that the process goes. It may be called more than once, and without Start.
func (m *Member) Close() error {
	if m.stop != nil {
		m.stop()
		m.done.Wait()
	}
	return nil
}

// beat says that the process is there, again and again, and at the end that it goes. The
// first time it has all others say so too.
func (m *Member) beat(ctx context.Context) {
	for kind := kindHello; ; kind = kindHere {
		_, err := m.send(ctx, questions, message{Kind: kind})
		if err != nil && ctx.Err() == nil {
			m.cfg.Logger.DebugContext(ctx, "the fleet does not hear of this process", "error", err)
		}
		if !wait.For(ctx, beatEvery) {
			// An error: the others will miss it.
			_, _ = m.send(context.WithoutCancel(ctx), questions, message{Kind: kindGone})
			return
		}
	}
}

// run reads what came, until ctx ends.
func (m *Member) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case msg := <-m.in:
			m.hear(msg.From, msg.Kind == kindGone)
			switch msg.Kind {
			case kindHello:
				// An error: the beat says so too.
				m.spawn(func() { _, _ = m.send(ctx, questions, message{Kind: kindHere}) })
			case kindAsk:
				m.spawn(func() { m.reply(ctx, msg) })
			case kindAnswer:
				m.take(msg)
			}
		}
	}
}

// spawn does something beside the reading, if there is a place.
func (m *Member) spawn(do func()) {
	select {
	case m.placing <- struct{}{}:
		m.done.Go(func() {
			defer func() { <-m.placing }()
			do()
		})
	default:
	}
}

// hear notes that a process is there, or goes.
func (m *Member) hear(from Process, gone bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if gone {
		m.leave(Departure{from, time.Now()})
		return
	}
	if _, ok := m.known[from.ID]; ok || len(m.known) < maxKnown {
		m.known[from.ID] = Departure{from, time.Now()}
	}
}

// Known are the processes that were heard of within the last minute, but for this one.
func (m *Member) Known() []Process {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Process, 0, len(m.known))
	for _, p := range m.known {
		if time.Since(p.At) > forgetAfter {
			m.leave(p)
			continue
		}
		all = append(all, p.Process)
	}
	return all
}

// leave notes that a process went away. m.mu is held.
func (m *Member) leave(d Departure) {
	delete(m.known, d.ID)
	m.left = append(m.left, d)
	m.left = slices.Delete(m.left, 0, max(0, len(m.left)-maxLeft))
}

// Left are the processes that went away within RememberFor, a hundred at most.
func (m *Member) Left() []Departure {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = slices.DeleteFunc(m.left, func(d Departure) bool { return time.Since(d.At) > RememberFor })
	return slices.Clone(m.left)
}

// reply answers a question of another process.
func (m *Member) reply(ctx context.Context, q message) {
	ctx, cancel := context.WithTimeout(ctx, Wait)
	defer cancel()
	// An error: who asked names this process as one that did not answer.
	_, _ = m.send(ctx, event.Channel(string(questions)+"/"+q.From.ID), m.answer(ctx, q))
}

// answer is this process's answer to a question, which may be why there is none.
func (m *Member) answer(ctx context.Context, q message) message {
	out := message{Kind: kindAnswer, Number: q.Number}
	answer := m.answers[q.About]
	if answer == nil {
		out.Error = "it does not know the question" // as one of another version may not
		return out
	}
	var asked Question
	err := json.Unmarshal(q.Body, &asked)
	var v any
	if err == nil {
		v, err = answer(ctx, asked)
	}
	if err == nil {
		out.Body, err = json.Marshal(v)
	}
	if err == nil && len(out.Body) > maxBody {
		err = fmt.Errorf("the answer has %d bytes, and the bus carries %d", len(out.Body), maxBody)
	}
	if err != nil {
		out.Body, out.Error = nil, err.Error()
	}
	return out
}

// take hands an answer to who waits for it.
func (m *Member) take(answer message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case m.asked[answer.Number] <- answer: // never to nobody: that blocks
	default:
	}
}
