package escalate

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

const (
	// postTimeout bounds a call, from the look-up of the name to the end of the answer.
	postTimeout = 10 * time.Second
	// connectTimeout bounds the connection, and as much its encryption.
	connectTimeout = 5 * time.Second
	// maxAnswer is how much is read of an answer, so that its connection can be used again.
	maxAnswer = 64 << 10
)

// client makes the connections of all calls, guarded or not.
func client(allowPrivate bool) *http.Client {
	dialer := net.Dialer{Timeout: connectTimeout, Control: guard}
	if allowPrivate {
		dialer.Control = nil
	}
	return &http.Client{
		Timeout: postTimeout,
		// No proxy: it would resolve the name, and the guard would see the proxy alone.
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: connectTimeout, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: slots, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxAnswer,
		},
		// A redirect would lead somewhere that nobody wrote into the policy file.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// errRefused is an answer that is not 2xx. Any other error of post leaves open whether the
// receiver has the call.
var errRefused = errors.New("it answered")

// errUnsent: nothing was sent.
var errUnsent = errors.New("not sent")

// post makes a call.
func (e *Escalator) post(ctx context.Context, hook auth.Webhook, call *store.Call) error {
	secrets, err := ReadSecrets(hook.SecretFile)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	body := render(call)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "bellhop")
	if err := sign(req.Header, secrets, "msg_"+call.ID.String(), time.Now(), body); err != nil {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	to := e.guarded
	if hook.AllowPrivate {
		to = e.open
	}
	resp, err := to.Do(req)
	if err != nil {
		if wrong, is := errors.AsType[*url.Error](err); is { // without the address, which may be a secret
			err = wrong.Err
		}
		return err
	}
	defer resp.Body.Close()
	// An error: the answer's head was there, and nobody needs the rest.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%w %d", errRefused, resp.StatusCode)
	}
	return nil
}

type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		User   string            `json:"user"`
		Unread uint64            `json:"unread"`
		Events []json.RawMessage `json:"events"`
	} `json:"data"`
}

// render is the body of a call.
func render(call *store.Call) []byte {
	m := message{Type: "inbox.unread", Timestamp: call.Made.UTC()}
	m.Data.User, m.Data.Unread = subject(call.Channel), call.Unread
	for _, item := range call.Events {
		b := item.AppendJSON(nil)
		m.Data.Events = append(m.Data.Events, fmt.Appendf(b[:len(b)-1], `,"read":%t}`, item.Read))
	}
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false) // the events' bytes are as they were published
	if err := to.Encode(m); err != nil {
		panic(err) // no: nothing in it can fail
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// subject is whose inbox a channel is, as tokens name them. Of a long name the log has a
// hash alone, and its key stands for it.
func subject(inbox event.Channel) string {
	encoded, is := strings.CutPrefix(inbox.Key(), "~")
	if name, err := base64.RawURLEncoding.DecodeString(encoded); is && err == nil {
		return string(name)
	}
	return inbox.Key()
}
