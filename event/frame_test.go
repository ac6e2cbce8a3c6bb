package event_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

var noon = time.Date(2026, 11, 21, 20, 15, 28, 123_456_789, time.UTC)

func TestFrame(t *testing.T) {
	t.Parallel()
	e := event.Event{Channel: "user:42", Seq: 17, Type: "comment", Time: noon, Data: []byte(`{"post":7,"by":"mina"}`)}
	f := event.NewFrame(&e)
	const data = `data: {"channel":"user:42","seq":17,"type":"comment","time":"2026-11-21T20:15:28.123Z","data":{"post":7,"by":"mina"}}` + "\n"
	require.Equal(t, "event: comment\n"+data, string(f))
	require.Equal(t, data, string(f.WithoutType()))
	require.Equal(t, "comment", string(f.Type()))
	at, ok := f.Time()
	require.True(t, ok)
	require.Equal(t, noon.Truncate(time.Millisecond), at)
	_, ok = event.Frame("event: a\ndata: {}\n").Time()
	require.False(t, ok)
	require.True(t, event.ValidFrame(f))

	list, err := json.Marshal([]event.Event{e})
	require.NoError(t, err)
	require.Equal(t, "["+strings.TrimSuffix(strings.TrimPrefix(data, "data: "), "\n")+"]", string(list))
}

func TestFramePartsMakeTheSameFrame(t *testing.T) {
	t.Parallel()
	e := event.Event{Channel: "topic:a|b", Seq: 205, Type: "odds.changed", Time: noon, Data: []byte(`[1.10]`)}
	p := event.NewFrameParts(e.Channel, e.Type)
	require.Equal(t, string(event.NewFrame(&e)),
		p.BeforeSeq+"205"+p.BeforeTime+"2026-11-21T20:15:28.123Z"+p.BeforeData+"[1.10]"+p.AfterData)
}

func TestFrameKeepsNumbersAndSeparators(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`12345678901234567890.10`, `1e308`, `"a\u2028b"`, `{"a":1,"a":2}`, `"\r\n\u0000"`, `null`} {
		data, err := event.ParseData([]byte(in))
		require.NoError(t, err)
		require.Equal(t, in, string(data))
		f := event.NewFrame(&event.Event{Channel: "a:b", Seq: 1, Type: "t", Time: noon, Data: data})
		require.True(t, event.ValidFrame(f))
	}
	data, err := event.ParseData([]byte(" {\r\n\t\"a\" : [ 1 , 2 ] }\n"))
	require.NoError(t, err)
	require.Equal(t, `{"a":[1,2]}`, string(data))
}

func TestParseDataRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", " ", "{", "1 2", "{'a':1}", "\"\n\"", "\"\x00\"", "\"\xff\"", "nul", `{"a":01}`, "\ufeff1", "1e400", "-1E+309", `{"a":[1,{"b":1e309}]}`, strings.Repeat("9", 310), "[" + strings.Repeat("9", 400) + ".5]"} {
		_, err := event.ParseData([]byte(in))
		require.ErrorIs(t, err, event.ErrData, "%q", in)
	}
}

// TestDataCarriesWhatALineCan: nothing in it ends a line for anybody, and numbers
// stay as they were written.
func TestDataCarriesWhatALineCan(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\"a\u2028b\u2029c\u0085d\"":            `"a\u2028b\u2029c\u0085d"`,
		"{\"\u2028\": [\"\u2029\"]}":            `{"\u2028":["\u2029"]}`,
		"\"\\\\\u2028\"":                        `"\\\u2028"`,
		`"1e400"`:                               `"1e400"`,
		`"a\"1e400"`:                            `"a\"1e400"`,
		"1e308":                                 "1e308",
		"[-1E-400, 0.10, 12345678901234567890]": "[-1E-400,0.10,12345678901234567890]",
		strings.Repeat("9", 308):                strings.Repeat("9", 308),
	} {
		data, err := event.ParseData([]byte(in))
		require.NoError(t, err, in)
		require.Equal(t, want, string(data))
		var before, after any
		require.NoError(t, json.Unmarshal([]byte(in), &before))
		require.NoError(t, json.Unmarshal(data, &after))
		require.Equal(t, before, after)
	}
}

// TestNoLineIsTooLong, with the longest of everything.
func TestNoLineIsTooLong(t *testing.T) {
	t.Parallel()
	e := event.Event{
		Channel: event.Channel(strings.Repeat("n", event.MaxNamespace) + ":" + strings.Repeat("k", event.MaxKey)),
		Seq:     math.MaxUint64, Type: strings.Repeat("x", event.MaxType), Time: noon,
		Data: []byte(`"` + strings.Repeat("a", event.MaxLineData-2) + `"`),
	}
	lines := bufio.NewScanner(bytes.NewReader(event.NewFrame(&e)))
	for lines.Scan() {
	}
	require.NoError(t, lines.Err())
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", "comment", "order.paid", "A-b_c.9", strings.Repeat("x", event.MaxType)} {
		require.NoError(t, event.ParseType(s), s)
	}
	for _, s := range []string{"", "9a", ".a", "a b", "a\nb", "a\rb", "a\x00", "é", "a:b", "bellhop.ready", "bellhop.", strings.Repeat("x", event.MaxType+1)} {
		require.ErrorIs(t, event.ParseType(s), event.ErrType, "%q", s)
	}
}

func TestValidFrameRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "event: a\n", "data: {}\n", "event: a\ndata: {}", "event: \ndata: {}\n", "event: a\ndata: {}\n\n",
		"event: a\ndata: {}\nid: 1\n", "event: a\ndata: {}\r\n", "event: a\ndata: \x00\n", "event: a\rdata: x\ndata: {}\n", "event: a\nid: 1\ndata: {}\n",
	} {
		require.False(t, event.ValidFrame([]byte(s)), "%q", s)
	}
}

// FuzzFrame feeds what a publisher can send and reads the block as the WHATWG
// HTML standard says a browser does: exactly one event comes out, and it is the
// one that was sent.
//
//fuzz:least 2000
func FuzzFrame(f *testing.F) {
	for _, s := range []string{`{"a":1}`, "\"\u2028\"", "\"a\\nb\"", "\"\x00\"", "\"\xff\"", "1\r\n", "[1,\r2]", `"` + "\r\nevent: x" + `"`} {
		f.Add("comment", []byte(s))
	}
	f.Add("x\nevent: y", []byte("1"))
	f.Fuzz(func(t *testing.T, typ string, raw []byte) {
		data, err := event.ParseData(raw)
		if err != nil || event.ParseType(typ) != nil {
			return
		}
		require.True(t, utf8.Valid(data))
		frame := event.NewFrame(&event.Event{Channel: "user:1", Seq: 7, Type: typ, Time: noon, Data: data})
		require.True(t, event.ValidFrame(frame))
		block := append(bytes.Clone(frame), "id: 7.e@user:1\n\n"...)
		events := dispatch(block)
		require.Len(t, events, 1)
		require.Equal(t, typ, events[0].typ)
		require.Equal(t, "7.e@user:1", events[0].id)
		var got struct{ Data json.RawMessage }
		require.NoError(t, json.Unmarshal([]byte(events[0].data), &got))
		require.Equal(t, string(data), string(got.Data))
	})
}

type dispatched struct{ typ, data, id string }

// dispatch is the event stream interpretation of the HTML standard, section 9.2.6.
func dispatch(stream []byte) (out []dispatched) {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(stream))
	var d dispatched
	var data []string
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" {
			if data != nil {
				d.data = strings.Join(data, "\n")
				out = append(out, d)
			}
			d.typ, data = "", nil
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			d.typ = value
		case "data":
			data = append(data, value)
		case "id":
			if !strings.Contains(value, "\x00") {
				d.id = value
			}
		}
	}
	return out
}
