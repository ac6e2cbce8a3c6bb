package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
)

// A client may ask for heartbeats from leastHeartbeat to mostHeartbeat apart: many
// readers time out after ten seconds of silence, and proxies after a minute.
const (
	leastHeartbeat = 5
	mostHeartbeat  = 60
)

// A long poll may wait leastWait to mostWait seconds: proxies cut after a minute.
const (
	leastWait = 1
	mostWait  = 55
)

// maxExtra is the most channels that a stream may name besides the inbox.
const maxExtra = 15

// streamQuery is what a request for a stream asks for.
type streamQuery struct {
	channels []event.Channel // as named, each once
	// inbox is nil where the client left it open.
	inbox       *bool
	cursor      event.Cursor
	badCursor   bool
	messageOnly bool
	pingEvents  bool
	replay      bool          // after a reset
	heartbeat   time.Duration // zero: the gateway's
	wait        time.Duration // of a long poll; zero: this is none
}

// parseStreamQuery reads a request for a stream, whose operation has these
// parameters. Its error is for the client.
func parseStreamQuery(r *http.Request, params []*huma.Param) (streamQuery, error) {
	var q streamQuery
	values, problem := server.ParseQuery(r.URL.RawQuery, params)
	if problem != nil {
		return q, errors.New(problem.Detail)
	}
	for _, name := range values["channel"] {
		ch, err := event.ParseChannel(name)
		if err != nil && strings.Contains(name, ",") {
			return q, errors.New("channel: write channel once for each: channel=topic:a&channel=topic:b")
		}
		if err != nil {
			return q, fmt.Errorf("channel: %w", err)
		}
		if !slices.Contains(q.channels, ch) {
			// A copy: the hub keeps the name, which would keep the whole address.
			q.channels = append(q.channels, event.Channel(strings.Clone(string(ch))))
		}
		if len(q.channels) > maxExtra {
			return q, fmt.Errorf("a stream has at most %d channels besides the inbox", maxExtra)
		}
	}
	switch inbox, err := choice(values, "inbox", "true", "false"); {
	case err != nil:
		return q, err
	case inbox != "":
		wanted := inbox == "true"
		q.inbox = &wanted
	}
	events, err := choice(values, "events", "message")
	if err != nil {
		return q, err
	}
	if err := q.readHeartbeat(values["heartbeat"]); err != nil {
		return q, err
	}
	if given := values["wait"]; len(given) > 0 {
		seconds, err := strconv.Atoi(given[0])
		if err != nil || len(given) > 1 || seconds < leastWait || seconds > mostWait {
			return q, fmt.Errorf("wait: want %d to %d seconds, once", leastWait, mostWait)
		}
		q.wait = time.Duration(seconds) * time.Second
	}
	reset, err := choice(values, "reset", "replay")
	if err != nil {
		return q, err
	}
	q.replay = reset != ""
	q.messageOnly = events != ""
	return q, q.readCursor(r.Header.Get("Last-Event-ID"), values)
}

// readHeartbeat takes what heartbeats are to be, and how many seconds apart.
func (q *streamQuery) readHeartbeat(given []string) error {
	for _, value := range given {
		seconds, err := strconv.Atoi(value)
		switch {
		case value == "event" && !q.pingEvents:
			q.pingEvents = true
		case err == nil && leastHeartbeat <= seconds && seconds <= mostHeartbeat && q.heartbeat == 0:
			q.heartbeat = time.Duration(seconds) * time.Second
		default:
			return fmt.Errorf("heartbeat: want event, or %d to %d seconds, or each once", leastHeartbeat, mostHeartbeat)
		}
	}
	return nil
}

// readCursor takes the newest thing that the client knows: browsers send the
// header when they reconnect, polyfills append lastEventId instead, and
// last_event_id stands in the address of the first connection for good.
//
// What can't be read is the client's fault in an address. In the header it is
// nobody's whom a status would reach: a browser sends what it was sent, and
// gives up for good on an error. So the stream opens, and says that it can't go
// on from there.
func (q *streamQuery) readCursor(header string, values url.Values) error {
	var err error
	if header != "" {
		q.cursor, err = event.ParseCursor(header)
		q.badCursor = err != nil
		return nil
	}
	for _, name := range []string{"lastEventId", "last_event_id"} {
		given := values[name]
		if len(given) == 0 || given[len(given)-1] == "" {
			continue
		}
		// The last one: a polyfill may append without looking.
		if q.cursor, err = event.ParseCursor(given[len(given)-1]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	return nil
}

// choice reads a parameter that may be left out or have one of a few values.
func choice(values url.Values, name string, allowed ...string) (string, error) {
	switch given := values[name]; {
	case len(given) == 0:
		return "", nil
	case len(given) > 1:
		return "", errors.New(name + " is given twice")
	case !slices.Contains(allowed, given[0]):
		return "", errors.New(name + ": want " + strings.Join(allowed, " or "))
	default:
		return given[0], nil
	}
}

// acceptsStream tells whether an Accept header admits text/event-stream. Of the
// media ranges that cover it the most specific decides (RFC 9110, section
// 12.5.1). What can't be parsed is passed over: a header that says nothing
// clear excludes nothing.
func acceptsStream(header []string) bool {
	best, accepted, understood := 0, true, false
	for _, line := range header {
		for item := range strings.SplitSeq(line, ",") {
			kind, params, err := mime.ParseMediaType(item)
			if err != nil {
				continue
			}
			understood = true
			specific := map[string]int{"*/*": 1, "text/*": 2, "text/event-stream": 3}[kind]
			if specific > best {
				q, err := strconv.ParseFloat(cmp.Or(params["q"], "1"), 64)
				best, accepted = specific, err != nil || q > 0
			}
		}
	}
	return accepted && (best > 0 || !understood)
}
