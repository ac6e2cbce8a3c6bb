package fanout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func TestWireGoesThereAndBack(t *testing.T) {
	t.Parallel()
	frame := event.NewFrame(&event.Event{Channel: "user:1", Seq: 1, Type: "a", Time: time.UnixMilli(0), Data: []byte("1")})
	for _, m := range []Message{
		{Channel: "user:1", Epoch: "e", Seq: 1, Frame: frame},
		{Channel: "user:1", Epoch: "0123456789abcdef", Seq: event.MaxSeq, Frame: frame},
		{Channel: "user:1", Epoch: "e1", Seq: 9},
		{Channel: "user:1", Epoch: "e1", Seq: 9, Note: &event.Note{Version: 300, Head: 9, Unread: 2, Kind: event.NoteUnread, Seqs: []uint64{3, 5}}},
		{Channel: "user:1", Epoch: "e1", Seq: 9, Note: &event.Note{Version: 300, Head: 9, Kind: event.NoteRead, UpTo: 9}},
		{Channel: "user:1", Epoch: "e1"},
		{Channel: "user:1", Epoch: "e", Seq: 1, Frame: frame, Trace: &[TraceBytes]byte{1, 2, 23: 3}},
		{Channel: "user:1", Epoch: "e", Seq: 1, Trace: &[TraceBytes]byte{1}},
	} {
		got, err := parseWire("user:1", appendWire(nil, &m, 1<<20), "e1")
		require.NoError(t, err)
		require.Equal(t, m, got)
	}
}

func TestWireRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	seq := "\x00\x00\x00\x00\x00\x00\x00\x01"
	for name, b := range map[string]string{
		"empty":           "",
		"short":           "\x01\x00",
		"other version":   "\x03\x02e1" + seq,
		"cut in trace":    "\x02\x02e1" + seq + "01234567890123456789012",
		"cut in epoch":    "\x01\xffe1" + seq,
		"cut in seq":      "\x01\x02e1" + seq[:7],
		"no epoch":        "\x01\x00" + seq,
		"a cursor's dash": "\x01\x01-" + seq,
		"upper case":      "\x01\x02E1" + seq,
		"too long epoch":  "\x01\x1101234567890123456" + seq,
		"negative seq":    "\x01\x02e1\xff" + seq[1:],
	} {
		_, err := parseWire("user:1", []byte(b), "")
		require.ErrorIs(t, err, errWire, name)
	}
}

func TestWireLeavesOutWhatIsNoFrame(t *testing.T) {
	t.Parallel()
	head := "\x01\x02e1\x00\x00\x00\x00\x00\x00\x00\x01"
	for _, frame := range []string{
		"x",
		"event: a\ndata: b\n\n",
		"event: a\ndata: b\nid: 9\n",
		"event: a\rdata: b\n",
		"event: a\ndata: b\x00\n",
		"\x01\x01\x09\x01\x00\x00\x01",         // a note that is cut short
		"\x01\x01\x09\x01\x00\x00\x00\x00",     // one with something behind it
		"\x01\x01\x09\x02\x00\x00\x00",         // one of another seq
		"\x01\x01\x09\x01\x00\x00\x02\x01\x00", // one whose seqs do not ascend
	} {
		got, err := parseWire("user:1", []byte(head+frame), "e1")
		require.NoError(t, err)
		require.Equal(t, Message{Channel: "user:1", Epoch: "e1", Seq: 1}, got)
	}
	zero := "\x01\x02e1\x00\x00\x00\x00\x00\x00\x00\x00"
	got, err := parseWire("user:1", []byte(zero+"event: a\ndata: b\n"), "e1")
	require.NoError(t, err)
	require.Nil(t, got.Frame, "an event has a seq")
}

//fuzz:least 800
func FuzzWire(f *testing.F) {
	f.Add("")
	f.Add("\x01\x02e1\x00\x00\x00\x00\x00\x00\x00\x01event: a\ndata: b\n")
	f.Add("\x01\x02e1\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x09\x01\x00\x00\x01\x01")
	f.Fuzz(func(t *testing.T, b string) {
		m, err := parseWire("user:1", []byte(b), "")
		if err != nil {
			require.ErrorIs(t, err, errWire)
			return
		}
		require.True(t, m.Epoch.Valid())
		require.True(t, m.Frame == nil || event.ValidFrame(m.Frame))
		require.True(t, m.Note == nil || m.Frame == nil && m.Note.Head == m.Seq)
		again, err := parseWire("user:1", appendWire(nil, &m, len(b)), m.Epoch)
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}
