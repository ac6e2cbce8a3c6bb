package fleet

import (
	"math"
	"runtime/metrics"
	"time"

	"github.com/bellhop/bellhop/event"
)

// What processes are asked about.
const (
	AboutLoad    = "load"
	AboutPerson  = "person"
	AboutChannel = "channel"
	AboutEvent   = "event"
	AboutOnline  = "online"
)

// Question is the body of a question about a person, or several, as the keys of their
// inboxes, about a channel, or about an event of it.
type Question struct {
	Person  string        `json:"person,omitempty"`
	People  []string      `json:"people,omitempty"`
	Channel event.Channel `json:"channel,omitempty"`
	Seq     uint64        `json:"seq,omitempty"`
}

// Online is the answer to a question about several people: those of them who have a stream
// open, as the keys of their inboxes.
type Online struct {
	People []string `json:"people"`
}

// Load is what a process has to do.
type Load struct {
	Streams    int    `json:"streams" doc:"Open streams, of a gateway."`
	MaxStreams int    `json:"max_streams,omitempty" doc:"So many it takes at most."`
	Channels   int    `json:"channels" doc:"Channels that somebody listens to there."`
	Handed     uint64 `json:"handed" doc:"Events handed to streams since the process began."`
	Late       *Late  `json:"late,omitempty" doc:"How late the newest thousand events were, of a gateway that remembers."`
	Queue      int    `json:"queue" doc:"Rows that wait to be written, of a notifier."`
	Accepted   uint64 `json:"accepted" doc:"Events written since the process began, counted once for each channel."`
	BusInDoubt bool   `json:"bus_in_doubt" doc:"Redis did not prove itself within the last seconds: events come by the log."`
	Draining   bool   `json:"draining"`
	HeapBytes  uint64 `json:"heap_bytes"`
	Servers
}

// Servers is how what a process stands on looks from there.
type Servers struct {
	Redis    string    `json:"redis,omitempty" doc:"good, or what is wrong with it, as /readyz of the admin listener says. Left out: there is none."`
	Replicas []Replica `json:"replicas,omitempty" doc:"Replicas of the database."`
}

// RedisGood is Servers.Redis where nothing is wrong.
const RedisGood = "good"

// Replica is a replica of the database, as a process sees it.
type Replica struct {
	Server     string   `json:"server" example:"replica-1:3306"`
	Lag        *float64 `json:"lag_seconds,omitempty" doc:"How far it was behind within the last five seconds, a minute at most. Left out: it is not known."`
	PassedOver bool     `json:"passed_over" doc:"It is not asked at the moment, because it does not answer."`
	Why        string   `json:"why,omitempty" doc:"What the last question to it failed with."`
}

// Late is how long after their times events were ready for streams, by the clocks of the log
// and of the gateway, in milliseconds.
type Late struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// Place is how far a stream has come in a channel.
type Place struct {
	Channel event.Channel `json:"channel" example:"user:42"`
	Seq     uint64        `json:"seq"`
	Epoch   event.Epoch   `json:"epoch,omitempty"`
	Head    uint64        `json:"head,omitempty" doc:"How far the gateway itself has come."`
	Lag     uint64        `json:"lag" doc:"So many seqs the stream is behind its gateway."`
}

// Stream is an open stream, or one that has ended.
type Stream struct {
	Person    string     `json:"person,omitempty" doc:"The key of the inbox of whose token opened it. Empty: nobody's."`
	Since     time.Time  `json:"since"`
	Address   string     `json:"address,omitempty"`
	Agent     string     `json:"agent,omitempty" doc:"The User-Agent, cut."`
	Transport string     `json:"transport" enum:"stream,poll" doc:"An event stream, or long polls."`
	Places    []Place    `json:"places,omitempty" doc:"Left out if the stream did not say in time, as one does whose client takes no bytes."`
	Ended     *time.Time `json:"ended,omitempty"`
	Reason    string     `json:"reason,omitempty" doc:"Why it ended: client (it left, or its network did), slow, age, expired, drain, revoked and others."`
}

// Person is what a gateway knows of somebody.
type Person struct {
	// Most is how many streams one person may have; zero: there is no limit.
	Most  int        `json:"most,omitempty"`
	Open  []Stream   `json:"open,omitempty"`
	Ended []Stream   `json:"ended,omitempty"`
	Since *time.Time `json:"since,omitempty"` // from when on ended streams are remembered; nil: not
}

// Channel is how a gateway holds a channel.
type Channel struct {
	Listeners int         `json:"listeners"`
	Head      uint64      `json:"head"`
	Epoch     event.Epoch `json:"epoch,omitempty"`
	Known     bool        `json:"known" doc:"The gateway knows how far the channel is."`
}

// Handed is how a gateway handed an event over, in one way.
type Handed struct {
	Epoch   event.Epoch `json:"epoch"`
	Via     string      `json:"via" enum:"bus,fill,replay" doc:"How the event came to the gateway: over the bus, from the log for all listeners, or from the log for streams that were behind."`
	Came    time.Time   `json:"came" doc:"When the gateway had it."`
	Streams int         `json:"streams" doc:"To so many streams it was handed."`
	First   *time.Time  `json:"first,omitempty" doc:"... the first one then; others follow within moments, unless their clients take no bytes."`
}

// Read is a change that marked an event as read.
type Read struct {
	At      time.Time `json:"at"`
	Address string    `json:"address,omitempty"`
}

// Accepted is how a notifier took an event.
type Accepted struct {
	Epoch     event.Epoch `json:"epoch"`
	Service   string      `json:"service" doc:"Whose key published it."`
	RequestID string      `json:"request_id,omitempty"`
	Accepted  time.Time   `json:"accepted"`
	Committed time.Time   `json:"committed"`
	Announced *time.Time  `json:"announced,omitempty" doc:"When the bus took it."`
	Receivers *int        `json:"receivers,omitempty" doc:"So many gateways the bus handed it to, where it says so."`
}

// Event is what a process knows of an event.
type Event struct {
	Since    *time.Time `json:"since,omitempty"` // from when on events are remembered; nil: not
	Accepted []Accepted `json:"accepted,omitempty"`
	Handed   []Handed   `json:"handed,omitempty"`
	Reads    []Read     `json:"reads,omitempty"`
	Open     []Stream   `json:"open,omitempty"` // of the channel, at most MaxStreams
	Ended    []Stream   `json:"ended,omitempty"`
	Channel  Channel    `json:"channel"`
}

// MaxStreams is how many streams one answer names.
const MaxStreams = 50

// RememberFor is how long processes remember what they did, and MaxRemember for how many
// events at most: a gateway has two bytes for the place of one.
const (
	RememberFor = 10 * time.Minute
	MaxRemember = math.MaxUint16
)

// HeapBytes is what this process has on its heap.
func HeapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
