package fanout

import (
	"cmp"
	"log/slog"
	"time"
)

// DefaultPrefix begins the names under which Bellhop publishes on Redis.
const DefaultPrefix = "bellhop:"

// DefaultMaxFrame is the longest frame that goes over the bus, in bytes.
const DefaultMaxFrame = 256 << 10

// Config of a bus. The zero value is ready for use.
type Config struct {
	// Prefix stands before a channel's name on Redis, so that several
	// installations can share one. An account there needs the right to
	// "&<prefix>*". Empty: DefaultPrefix.
	Prefix string
	// Pubsub is the kind to use on a Cluster. Empty: PubsubAuto.
	Pubsub Pubsub
	// Workers call the handler, each for its share of the channels. Zero: 4.
	Workers int
	// Queue is how many messages may wait for one worker, QueueBytes how many
	// bytes their frames and notes may have together. What comes beyond is
	// dropped, and the handler is told. Zero: 8192 and 32 MiB.
	Queue      int
	QueueBytes int
	// MaxFrame is the longest frame that goes over the bus, in bytes; of an
	// event with a longer one only epoch and seq do. Zero: DefaultMaxFrame.
	MaxFrame int
	// PublishTimeout bounds one Publish. Zero: 1 s.
	PublishTimeout time.Duration
	// PingInterval is how often a subscriber pings its connection and sends a
	// probe through the publish path. A connection without a frame for two
	// intervals is given up. Zero: 1 s.
	PingInterval time.Duration
	// ProbeTimeout is how long no probe may come back until the connection is
	// given up although it answers pings. Zero: 3 s.
	ProbeTimeout time.Duration
	// MaxBackoff bounds the pause before the next try to connect; the pauses
	// are drawn at random from a range that doubles from 100 ms on. Zero: 2 s.
	MaxBackoff time.Duration
	// Logger gets what an operator should know. Nil: slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Prefix = cmp.Or(c.Prefix, DefaultPrefix)
	c.Pubsub = cmp.Or(c.Pubsub, PubsubAuto)
	c.Workers = cmp.Or(c.Workers, 4)
	c.Queue = cmp.Or(c.Queue, 8192)
	c.QueueBytes = cmp.Or(c.QueueBytes, 32<<20)
	c.MaxFrame = cmp.Or(c.MaxFrame, DefaultMaxFrame)
	c.PublishTimeout = cmp.Or(c.PublishTimeout, time.Second)
	c.PingInterval = cmp.Or(c.PingInterval, time.Second)
	c.ProbeTimeout = cmp.Or(c.ProbeTimeout, 3*time.Second)
	c.MaxBackoff = cmp.Or(c.MaxBackoff, 2*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}
