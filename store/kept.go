package store

import "github.com/bellhop/bellhop/event"

// KeptHead is the state of one channel of a log that keeps each channel by
// itself, such as those of package kept: there every channel has an epoch of its
// own. Of a channel that is not there (never written, or forgotten with all that
// was in it) the Epoch is empty and the Head zero but for its name.
type KeptHead struct {
	Epoch event.Epoch
	Head
}

// KeptAppended is what became of one Entry in such a log.
type KeptAppended struct {
	Appended
	// Epoch is the channel's.
	Epoch event.Epoch
	// Receivers is how many gateways the bus handed the event to, or -1 where
	// that is unknown.
	Receivers int
}

// KeptCursor is how far a walk over all channels of such a log has got. Its parts
// are the log's own. The zero value is the beginning.
type KeptCursor struct {
	Node string
	Scan uint64
}
