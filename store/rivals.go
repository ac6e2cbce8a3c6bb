package store

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// rivalSilence is how long the server that is believed must not have answered before
	// another one is, once there was a change of servers.
	rivalSilence = 30 * time.Second
	// rivalPeace is how long after a change, and after a server that was not believed,
	// the next fail-over is believed at once again.
	rivalPeace = 10 * time.Minute
)

// ErrRivals says that two servers take writes under the primary's address, and names
// them. Wraps with ErrNotPrimary.
var ErrRivals = errors.New("two servers take writes under the primary's address")

// rivals remembers which server is believed to be the primary. Two that answer by turns
// would otherwise reset every client with each turn. The first other server is believed
// at once: that is what a fail-over looks like. Safe for concurrent use; the zero value
// believes whoever comes.
type rivals struct {
	mu       sync.Mutex
	believed string
	seen     time.Time // when that one last answered
	trouble  time.Time // when another was last believed in its place, or was not, or it had to take the epoch
}

// take believes a server that answered at a time, unless it is a rival.
func (r *rivals) take(server string, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.judge(server, now); err != nil {
		return err
	}
	if r.believed != "" && r.believed != server {
		r.trouble = now
	}
	r.believed, r.seen = server, now
	return nil
}

// allows is take for who is going to ask the server again.
func (r *rivals) allows(server string, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.judge(server, now)
}

// retakes tells whether a new epoch may begin on a server while another one is the owner
// of the present epoch. If the server is believed, somebody else believes the owner: two
// programs would take the epoch from one another for ever if the servers share their rows.
func (r *rivals) retakes(server, owner string, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if server != r.believed || owner == "" || r.trouble.IsZero() || now.Sub(r.trouble) >= rivalPeace {
		return nil
	}
	return fmt.Errorf("%w: %w: %w: %s, which is believed here, and %s, which the epoch belongs to since somebody else believed it",
		ErrUnavailable, ErrNotPrimary, ErrRivals, server, owner)
}

// retaken says that an epoch began on a server. If that one was not believed before, it
// will be with its next answer, as after a fail-over.
func (r *rivals) retaken(server string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if server == r.believed {
		r.trouble = now
	}
}

func (r *rivals) judge(server string, now time.Time) error {
	switch {
	case r.believed == "", r.believed == server, r.trouble.IsZero(),
		now.Sub(r.trouble) >= rivalPeace, now.Sub(r.seen) >= rivalSilence:
		return nil
	}
	r.trouble = now
	return fmt.Errorf("%w: %w: %w: %s, and %s, which answered %v ago and is believed until it is silent for %v",
		ErrUnavailable, ErrNotPrimary, ErrRivals, server, r.believed, now.Sub(r.seen).Round(time.Second), rivalSilence)
}

// forget believes whoever comes next: somebody said that it is another address.
func (r *rivals) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.believed, r.trouble = "", time.Time{}
}
