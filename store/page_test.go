package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// rowsOf makes rows of events; a negative seq is a tombstone.
func rowsOf(seqs ...int64) []Record {
	rows := make([]Record, len(seqs))
	for i, seq := range seqs {
		rows[i] = Record{Seq: uint64(seq)}
		if seq < 0 {
			rows[i] = Record{Seq: uint64(-seq), Gone: true}
		}
	}
	return rows
}

func TestPageIsJudgedByItsSnapshotAlone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after, head, floor uint64
		limit              int
		rows               []Record
		cut                bool
		events             []uint64
		last, pageFloor    uint64
		hole               bool
	}{
		"all":                         {head: 3, limit: 9, rows: rowsOf(1, 2, 3), events: []uint64{1, 2, 3}, last: 3},
		"tombstones are passed over":  {head: 4, limit: 9, rows: rowsOf(-1, 2, -3, -4), events: []uint64{2}, last: 4},
		"the limit counts tombstones": {head: 9, limit: 3, rows: rowsOf(-1, -2, -3), last: 3},
		"nothing new":                 {after: 5, head: 5, limit: 9, last: 5},
		"ahead of the head":           {after: 9, head: 5, limit: 9, last: 9},
		"trimmed":                     {after: 2, head: 6, floor: 4, limit: 9, rows: rowsOf(5, 6), events: []uint64{5, 6}, last: 6, pageFloor: 4},
		"trimmed, not yet deleted":    {after: 2, head: 6, floor: 4, limit: 9, rows: rowsOf(3, 4, 5, 6), events: []uint64{5, 6}, last: 6, pageFloor: 4},
		"all of it not yet deleted":   {after: 0, head: 9, floor: 6, limit: 3, rows: rowsOf(1, 2, 3), last: 6, pageFloor: 6},
		"purged":                      {after: 2, head: 6, floor: 6, limit: 9, last: 6, pageFloor: 6},
		"cut short":                   {head: 9, limit: 9, rows: rowsOf(1, 2), cut: true, events: []uint64{1, 2}, last: 2},
		"cut before the first":        {after: 3, head: 9, limit: 9, cut: true, last: 3},
		"a hole in the middle":        {head: 6, limit: 9, rows: rowsOf(1, 2, 5, 6), events: []uint64{1, 2}, last: 2, hole: true},
		"a hole at the beginning":     {after: 2, head: 6, limit: 9, rows: rowsOf(5, 6), events: []uint64{5, 6}, last: 6, pageFloor: 4, hole: true},
		"two holes":                   {head: 6, limit: 9, rows: rowsOf(3, 5), events: []uint64{3}, last: 3, pageFloor: 2, hole: true},
		"a hole at the end":           {head: 6, limit: 9, rows: rowsOf(1, 2), events: []uint64{1, 2}, last: 2, hole: true},
		"nothing but a hole":          {after: 2, head: 6, limit: 9, last: 6, pageFloor: 6, hole: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Snapshot{Head: Head{Seq: tt.head, Floor: tt.floor}, Records: tt.rows, Cut: tt.cut}
			p, hole := s.Page(Range{After: tt.after, Limit: tt.limit})
			require.Equal(t, tt.hole, hole)
			require.Equal(t, tt.last, p.Last)
			require.Equal(t, tt.pageFloor, p.Floor)
			var seqs []uint64
			for _, e := range p.Events {
				seqs = append(seqs, e.Seq)
			}
			require.Equal(t, tt.events, seqs)
		})
	}
}

func TestReplicaReachesWhatTheAskerKnows(t *testing.T) {
	t.Parallel()
	s := Snapshot{Epoch: "e1", Head: Head{Seq: 5, Version: 7}}
	for _, r := range []Range{{}, {Epoch: "e1"}, {Through: 5, Version: 7, After: 5}} {
		require.True(t, s.reaches(r), "%+v", r)
	}
	for _, r := range []Range{{Epoch: "e2"}, {Through: 6}, {Version: 8}, {After: 6}} {
		require.False(t, s.reaches(r), "%+v", r)
	}
	require.False(t, (&Snapshot{}).reaches(Range{}), "a replica without an epoch is being set up")
}

func TestPackedValuesSurvive(t *testing.T) {
	t.Parallel()
	note := &event.Note{Version: 300, Head: 9, Unread: 2, Kind: event.NoteUnread, Seqs: []uint64{3, 5}}
	changes := []Change{
		{Channel: "user:a", Head: 1},
		{Channel: "room:b", Head: 1<<63 - 1, Rewrite: true, Note: &event.Note{Version: 1, Head: 1<<63 - 1, Kind: event.NoteRemoved}},
		{Channel: "user:a", Head: 9, Note: note},
		{Channel: "user:c", Revoke: true},
	}
	got, err := unpackChanges(packChanges(changes))
	require.NoError(t, err)
	require.Equal(t, changes, got)
	whole := packChanges(changes[2:3])
	for n := 2; n < len(whole); n++ {
		_, err := unpackChanges(whole[:n])
		require.Error(t, err, "cut after %d bytes", n)
	}

	answer := Appended{Seqs: []uint64{1, 1<<63 - 1}, Time: unixMilli(1_795_302_194_281)}
	b := packAnswer(answer)
	at, seqs, err := unpackAnswer(b)
	require.NoError(t, err)
	require.Equal(t, answer.Seqs, seqs)
	require.Equal(t, answer.Time, at)
	for _, broken := range [][]byte{nil, {2}, {1}, b[:len(b)-1]} {
		_, _, err := unpackAnswer(broken)
		require.Error(t, err)
	}
}

//fuzz:least 500
func FuzzUnpackChanges(f *testing.F) {
	f.Add(packChanges([]Change{{Channel: "user:a", Head: 1}, {Channel: "room:b", Head: 300, Rewrite: true}, {Channel: "user:c", Revoke: true}}))
	f.Add(packChanges([]Change{{Channel: "user:a", Head: 1, Note: &event.Note{Version: 2, Head: 1, Kind: event.NoteRead, UpTo: 1}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		changes, err := unpackChanges(b)
		if err != nil {
			return
		}
		again, err := unpackChanges(packChanges(changes))
		require.NoError(t, err)
		require.Equal(t, changes, again)
	})
}
