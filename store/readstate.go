package store

import "slices"

// What is read in a channel is a watermark, channels.read_up_to, and the
// exceptions to it: rows of read_exceptions. An event above the watermark is
// unread unless it is an exception (read by itself, deleted, expired, replaced);
// one up to it is read unless it is an exception (marked unread again). All
// exceptions are above the floor. Since seqs have no holes, the number of unread
// events of any range follows from the watermark and the exceptions alone: no
// count looks at events, and appends write nothing more. channels.unread is that
// number for the whole channel, kept by every transaction that changes it.

// unreadOf returns those of some events of a locked row, ascending and all above the
// floor, that are unread.
func (t *tx) unreadOf(row *channelRow, seqs []uint64) (unread []uint64, err error) {
	excepted, err := t.pick("read_exceptions", row, seqs, "1 = 1")
	for _, seq := range seqs {
		if _, is := slices.BinarySearch(excepted, seq); (seq > row.ReadUpTo) != is {
			unread = append(unread, seq)
		}
	}
	return unread, err
}

// setRead makes those of some events read that are unread, and returns them. The row is
// not written.
func (t *tx) setRead(row *channelRow, seqs []uint64) ([]uint64, error) {
	unread, err := t.unreadOf(row, seqs)
	if err != nil {
		return nil, err
	}
	row.Unread -= min(uint64(len(unread)), row.Unread)
	return unread, t.noteRead(row, unread)
}

// noteRead writes that events are read which are unread.
func (t *tx) noteRead(row *channelRow, unread []uint64) error {
	above, upTo := split(unread, row.ReadUpTo)
	if err := t.except(hash(row.Hash), above); err != nil {
		return err
	}
	return t.unexcept(hash(row.Hash), upTo)
}

// setUnread makes events unread that are read. The row is not written.
func (t *tx) setUnread(row *channelRow, read []uint64) error {
	row.Unread += uint64(len(read))
	above, upTo := split(read, row.ReadUpTo)
	if err := t.unexcept(hash(row.Hash), above); err != nil {
		return err
	}
	return t.except(hash(row.Hash), upTo)
}

// split parts seqs into those above a mark and those up to it.
func split(seqs []uint64, mark uint64) (above, upTo []uint64) {
	for _, seq := range seqs {
		if seq > mark {
			above = append(above, seq)
		} else {
			upTo = append(upTo, seq)
		}
	}
	return above, upTo
}

func (t *tx) except(channel hash, seqs []uint64) error {
	values := make([]any, 0, 2*len(seqs))
	for _, seq := range seqs {
		values = append(values, channel[:], seq)
	}
	return t.insert("INSERT INTO read_exceptions (channel, seq)", "(?, ?)", values)
}

func (t *tx) unexcept(channel hash, seqs []uint64) error {
	return t.change("DELETE FROM read_exceptions", channel, seqs)
}

// settle counts the events up to a seq, at most the head, as read, in a locked
// row, and forgets the exceptions among them: either the watermark or the floor
// is going to be there. The row is not written.
func (t *tx) settle(row *channelRow, upTo uint64) error {
	if upTo >= row.Head {
		row.Unread = 0
		return t.later("DELETE FROM read_exceptions WHERE channel = ?", row.Hash)
	}
	var count struct {
		All   uint64 `db:"n"`
		Above uint64 `db:"above"` // the watermark
	}
	if err := t.conn.GetContext(t.ctx, &count, "SELECT COUNT(*) AS n, COALESCE(SUM(seq > ?), 0) AS above FROM read_exceptions"+
		" WHERE channel = ? AND seq <= ?", row.ReadUpTo, row.Hash, upTo); err != nil {
		return t.failed("read", err)
	}
	unread := count.All - count.Above
	if from := max(row.ReadUpTo, row.Floor); upTo > from {
		unread += upTo - from - count.Above
	}
	row.Unread -= min(unread, row.Unread)
	if count.All == 0 {
		return nil
	}
	return t.later("DELETE FROM read_exceptions WHERE channel = ? AND seq <= ?", row.Hash, upTo)
}
