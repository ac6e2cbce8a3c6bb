package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/internal/server"
)

// told is a source whose end is logged.
type told struct {
	conn.Source

	log                *slog.Logger
	id, person, remote string
	opened             time.Time
	bytes, events      int
}

// tellEnd has the end of a stream logged, if lines of that level are when it begins; what
// is not logged costs nothing.
func (g *Gateway) tellEnd(r *http.Request, source conn.Source, ask *wanted, from netip.Addr) conn.Source {
	if !g.log.Enabled(r.Context(), slog.LevelDebug) {
		return source
	}
	remote := r.RemoteAddr
	if from.IsValid() {
		remote = from.String()
	}
	person := ask.who.user()
	if person != "" && !g.cfg.LogPeople {
		person = hashed(person)
	}
	return &told{Source: source, log: g.log, id: server.RequestID(r.Context()), person: person, remote: remote, opened: time.Now()}
}

// hashed stands for a person in the log. It is the same on all gateways, and whoever
// knows the person can work it out.
func hashed(person string) string {
	sum := sha256.Sum256([]byte(person))
	return hex.EncodeToString(sum[:8])
}

// Next implements conn.Source.
func (t *told) Next(bufs [][]byte, limit int) (out [][]byte, end bool) {
	had := len(bufs)
	out, end = t.Source.Next(bufs, limit)
	for _, b := range out[had:] {
		t.bytes += len(b)
		t.events += eventsIn(b)
	}
	return out, end
}

// eventsIn counts the events of a piece of a stream: data lines, but for those of what
// Bellhop itself says. No line is torn between two pieces.
func eventsIn(b []byte) (n int) {
	for line := range bytes.Lines(b) {
		switch {
		case bytes.HasPrefix(line, []byte("data: ")):
			n++
		case bytes.HasPrefix(line, []byte("event: bellhop.")):
			n--
		}
	}
	return n
}

// Why implements conn.Explainer.
func (t *told) Why() conn.Reason {
	if e, ok := t.Source.(conn.Explainer); ok {
		return e.Why()
	}
	return conn.ReasonEnd
}

// Close implements conn.Source.
func (t *told) Close(reason conn.Reason) {
	behind := uint64(0)
	if s, ok := t.Source.(interface{ Behind() uint64 }); ok {
		behind = s.Behind()
	}
	t.Source.Close(reason)
	t.log.Debug("stream ended", "request_id", t.id, "person", t.person, "remote", t.remote, "reason", string(reason),
		"events", t.events, "bytes", t.bytes, "behind", behind, "lasted", time.Since(t.opened))
}

var _ conn.Explainer = (*told)(nil)
