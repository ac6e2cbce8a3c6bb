package hub

// Behind is how many events of its channels the stream has not been given. It is for the
// goroutine that calls the conn.Source methods, before Close.
func (s *Stream) Behind() (events uint64) {
	for i := range s.subs {
		b := &s.subs[i]
		at, named := b.Shown()
		if b.ch == nil || !named {
			continue
		}
		b.ch.mu.Lock()
		if head := b.ch.Filled(); head.Epoch == at.Epoch && head.Seq > at.Seq {
			events += head.Seq - at.Seq
		}
		b.ch.mu.Unlock()
	}
	return events
}
