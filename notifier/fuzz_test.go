package notifier

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/store"
)

// FuzzPublishBody feeds what a publisher can send, as a single event and as a
// batch. Whatever is accepted is unambiguous, reaches a client as exactly one
// block of the stream, and says there what was said here.
//
//fuzz:least 150
func FuzzPublishBody(f *testing.F) {
	for _, data := range []string{
		`1`, `null`, `12345678901234567890.10`, `"\u2028\u0000\n"`, `{"a":1,"a":2}`, `[[[[]]]]`, ` [ 1 , "` + "\u2028" + `" ] `, `"\ud800"`, "\"\xff\"",
	} {
		f.Add([]byte(`{"channels":["user:42","topic:a|b"],"type":"comment","data":`+data+`}`), false)
		f.Add([]byte(`{"events":[{"channels":["raffle:1"],"type":"x","idempotency_key":"k","data":`+data+`},{"channels":[]}]}`), true)
	}
	for _, body := range []string{
		`{"channels":["user:42"],"type":"x","data":1,"type":"y"}`, `{"channels":["user:42"],"type":"x","data":1,"d\u0061ta":2}`,
		`{"channels":["user:42"],"type":"x\nevent: y","data":1}`, `{"channels":["user:42"],"type":"bellhop.reset","data":1}`,
		`{"channels":["user:42"],"TYPE":"x","data":1}`, `{} {}`, `[]`, "\ufeff{}",
		`{"channels":["user:42"],"type":"x","data":1,"expires_at":"2026-11-21T20:15:28Z","collapse_key":"k"}`,
	} {
		f.Add([]byte(body), false)
	}
	keys, err := auth.ParseServiceKeys("forum=fedcba9876543210")
	require.NoError(f, err)
	forum, _ := keys.Verify("fedcba9876543210")
	ctx := context.WithValue(context.Background(), serviceKey{}, forum)
	n := &Notifier{cfg: Config{Policies: auth.Builtin()}.withDefaults()}

	f.Fuzz(func(t *testing.T, body []byte, batch bool) {
		if !batch {
			if entry, ok := single(n, ctx, body); ok {
				requireSaid(t, body, &entry)
			}
			return
		}
		items, problem := batchItems(body)
		if problem != nil {
			return
		}
		require.LessOrEqual(t, len(items), MaxBatch)
		used := make(map[string]struct{})
		for i, item := range items {
			entry, problem := n.parser(ctx, fmt.Sprintf("body.events[%d]", i)).item(item, used)
			if problem != nil {
				require.GreaterOrEqual(t, problem.Status, 400)
				continue
			}
			requireSaid(t, item, &entry)
		}
	})
}

// single reads the body of one event, as publish does.
func single(n *Notifier, ctx context.Context, body []byte) (store.Entry, bool) { //nolint:revive // the parser's own comes first
	if checkJSON(body) != nil {
		return store.Entry{}, false
	}
	members, err := decodeObject(body)
	if err != nil {
		return store.Entry{}, false
	}
	entry, problem := n.parser(ctx, "body").event(members, "")
	return entry, problem == nil
}

// requireSaid compares what was accepted with what was sent, by other means than
// those of the parser.
func requireSaid(t *testing.T, sent []byte, e *store.Entry) {
	t.Helper()
	require.True(t, utf8.Valid(sent))
	requireUniqueNames(t, sent)
	var said struct {
		Channels []event.Channel `json:"channels"`
		Type     string          `json:"type"`
		Data     json.RawMessage `json:"data"`
	}
	require.NoError(t, json.Unmarshal(sent, &said))
	require.Equal(t, said.Channels, e.Channels)
	require.Equal(t, said.Type, e.Type)
	var data bytes.Buffer
	require.NoError(t, json.Compact(&data, said.Data))
	ends := strings.NewReplacer("\u0085", `\u0085`, "\u2028", `\u2028`, "\u2029", `\u2029`)
	require.Equal(t, ends.Replace(data.String()), string(e.Data), "byte for byte, but for white space and ends of lines")

	for _, ch := range e.Channels {
		frame := event.NewFrame(&event.Event{Channel: ch, Seq: 7, Type: e.Type, Time: time.Unix(1, 0), Data: e.Data})
		blocks := sse.NewReader(io.MultiReader(bytes.NewReader(frame), bytes.NewReader([]byte("id: 7.e@"+string(ch)+"\n\n"))))
		block, err := blocks.Next()
		require.NoError(t, err)
		require.Equal(t, e.Type, block.Event)
		require.Equal(t, "7.e@"+string(ch), block.ID)
		var got struct {
			Channel event.Channel   `json:"channel"`
			Type    string          `json:"type"`
			Data    json.RawMessage `json:"data"`
		}
		require.NoError(t, json.Unmarshal([]byte(block.Data), &got))
		require.Equal(t, ch, got.Channel)
		require.Equal(t, e.Type, got.Type)
		require.Equal(t, string(e.Data), string(got.Data))
		_, err = blocks.Next()
		require.ErrorIs(t, err, io.EOF, "nothing else came out of it")
	}
}

// requireUniqueNames fails if an object has a member twice, whatever its names
// look like in the text.
func requireUniqueNames(t *testing.T, object []byte) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(object))
	seen := make(map[any]bool)
	for depth, name := 0, false; ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		if depth == 1 && name && token != json.Delim('}') {
			require.False(t, seen[token], "%v stands there twice", token)
			seen[token] = true
			name = false
			continue
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		name = depth == 1
	}
}
