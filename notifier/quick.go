package notifier

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
)

// quickBody is the largest body that is read at once, into memory that is there
// before the bytes are: half of what a request is taken to cost anyway.
const quickBody = requestCost / 2

// quick is a middleware: it carries out a usual single event by itself. Huma goes
// through reflection for every part of a request and of its answer, which costs more
// than all the rest that is done for an event. What is in any way unusual, and what
// will be refused, goes on to huma with its body as it came, so that everything that
// can be wrong is judged in one place.
func (n *Notifier) quick(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	r := c.Request()
	if r.URL.RawQuery != "" || r.ContentLength <= 0 || r.ContentLength > quickBody || !takesJSON(r.Header["Accept"]) {
		next(ctx)
		return
	}
	body, _ := quickBuffers.Get().(*[quickBody]byte)
	defer quickBuffers.Put(body)
	came, err := readAll(r.Body, body[:r.ContentLength])
	var j *job
	if came == int(r.ContentLength) {
		j = n.quickJob(ctx, body[:came])
	}
	if j == nil {
		r.Body = &readAgain{bytes.NewReader(body[:came]), err, r.Body}
		next(ctx)
		return
	}
	j.trace = n.begin(ctx.Context(), "POST /v1/events", Traced{Traceparent: ctx.Header("Traceparent")})
	if err := n.submit(j); err != nil {
		j.trace.End(err)
		refuse(ctx, refusal(err))
		return
	}
	o := n.await(ctx.Context(), j)
	j.trace.End(o.err)
	if o.err != nil {
		refuse(ctx, refusal(o.err))
		return
	}
	w := c.Response()
	h := w.Header()
	h["Content-Type"] = jsonType
	if o.appended.Replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(http.StatusCreated)
	// The body has been read, so that its buffer can take the answer. An error means
	// that the client is gone.
	_, _ = w.Write(o.appendAnswer(body[:0], j))
}

// readAll is io.ReadFull, but leaves the error as it is.
func readAll(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var more int
		more, err = r.Read(b[n:])
		n += more
	}
	return n, err
}

var (
	quickBuffers = sync.Pool{New: func() any { return new([quickBody]byte) }}
	jsonType     = []string{"application/json"}
)

// takesJSON tells whether an Accept header leaves no doubt about the answer's format.
func takesJSON(accept []string) bool {
	return len(accept) == 0 || len(accept) == 1 && (accept[0] == "*/*" || accept[0] == "application/json")
}

// quickJob reads an event; nil if it is to be refused.
func (n *Notifier) quickJob(ctx huma.Context, body []byte) *job {
	key := ""
	if keys := idempotencyKeys(ctx); len(keys) > 0 {
		key = keys[0] // oneKey let it pass
	}
	j, problem := n.single(ctx.Context(), body, key, false)
	if problem != nil {
		return nil // huma's way says what
	}
	return j
}

// appendAnswer writes what publishOutput has, as huma would.
func (o *outcome) appendAnswer(b []byte, j *job) []byte {
	b = append(b, `{"events":[`...)
	people := len(j.entry.Channels) - len(j.users)
	for i, ch := range j.entry.Channels {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"channel":"`...)
		b = append(b, ch...) // none of its characters is escaped in JSON
		b = append(b, '"')
		if i >= people {
			b = append(b, `,"user":`...)
			b = appendString(b, j.users[i-people])
		}
		if seq := o.appended.Seqs[i]; seq > 0 {
			b = append(b, `,"seq":`...)
			b = strconv.AppendUint(b, seq, 10)
		} else {
			b = append(b, `,"muted":true`...)
		}
		b = append(b, '}')
	}
	return append(b, "]}\n"...)
}

// appendString appends a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			buf := bytes.NewBuffer(b)
			enc := json.NewEncoder(buf)
			enc.SetEscapeHTML(false)
			_ = enc.Encode(s) //nolint:errchkjson // a string can be encoded, and memory takes it
			return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// readAgain is a body of which a part was read: that part, then what came of it, or
// the rest.
type readAgain struct {
	read *bytes.Reader
	err  error // nil: it goes on
	io.ReadCloser
}

func (b *readAgain) Read(p []byte) (int, error) {
	switch {
	case b.read.Len() > 0:
		return b.read.Read(p)
	case b.err != nil:
		return 0, b.err
	}
	return b.ReadCloser.Read(p)
}
