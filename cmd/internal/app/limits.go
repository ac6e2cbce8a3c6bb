package app

// reservedFiles are the descriptors that are not for streams: the database's
// and Redis' connections, listeners, requests of other kinds, files.
const reservedFiles = 256

// maxStreams is how many streams the process may hold: as many as configured,
// or as the limit of file descriptors allows, of which each takes one. A
// configured number beyond that limit is kept, since the operator may know
// better, but it is pointed out.
func (s *Service) maxStreams(configured int) int {
	limit, err := descriptorLimit()
	if err != nil {
		s.log.Warn("the limit of file descriptors is not known", "error", err)
		return configured
	}
	allowed := streamsFor(limit)
	switch {
	case configured == 0:
		s.log.Info("streams are limited by file descriptors", "streams", allowed, "descriptors", limit)
		return allowed
	case configured > allowed:
		s.log.Warn("more streams are allowed than file descriptors", "streams", configured, "descriptors", limit)
	}
	return configured
}

// streamsFor is how many streams a limit of descriptors is enough for.
func streamsFor(limit uint64) int {
	const plenty = 1 << 30 // where there is no limit
	return max(int(min(limit, plenty))-reservedFiles, 1)
}
