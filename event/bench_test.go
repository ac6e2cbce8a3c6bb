package event_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func benchEvent() *event.Event {
	return &event.Event{
		Channel: "user:42", Seq: 123456, Type: "comment", Time: time.UnixMilli(1795291528123),
		Data: []byte(`{"pad":"` + strings.Repeat("x", 110) + `"}`),
	}
}

// BenchmarkEncode renders an event, as the notifier does once for all streams.
func BenchmarkEncode(b *testing.B) {
	e := benchEvent()
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		dst = event.AppendFrame(dst[:0], e)
	}
	b.SetBytes(int64(len(dst)))
}

// BenchmarkDecode is what a gateway looks at in a frame from the bus.
func BenchmarkDecode(b *testing.B) {
	f := event.NewFrame(benchEvent())
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := f.Time(); !ok || !event.ValidFrame(f) {
			b.Fatal("not a frame")
		}
	}
	b.SetBytes(int64(len(f)))
}

// BenchmarkCursor writes the id of a stream with two channels, and reads it.
func BenchmarkCursor(b *testing.B) {
	at := event.Position{Epoch: "k3f9x7", Seq: 123456}
	var dst []byte
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = event.AppendCursor(dst[:0], 0, at, "user:42")
			dst = event.AppendCursor(dst, 0, at, "raffle:1")
		}
	})
	text := string(dst)
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := event.ParseCursor(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	_, err := event.ParseCursor(text)
	require.NoError(b, err)
}
