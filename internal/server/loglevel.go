package server

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

const levelPath = "/loglevel"

// LevelOfLog lets the admin listener show and change the level of the log: GET and PUT
// /loglevel. Call it before ServeAdmin.
func (s *Server) LevelOfLog(level *slog.LevelVar) { s.level = level }

// showLevel answers with the level.
func (s *Server) showLevel(w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprintln(w, s.level.Level()) // an error: nobody is there to tell
}

// setLevel takes a level as the settings do.
func (s *Server) setLevel(w http.ResponseWriter, r *http.Request) {
	const longest = 16
	text, err := io.ReadAll(io.LimitReader(r.Body, longest))
	var level slog.Level
	if err == nil {
		err = level.UnmarshalText(bytes.TrimSpace(text))
	}
	if err != nil {
		http.Error(w, "want debug, info, warn or error", http.StatusBadRequest)
		return
	}
	ChangeLevel(s.log, s.level, level, r.RemoteAddr)
	s.showLevel(w, r)
}

// ChangeLevel sets the level of a log and says so in it, whatever the levels are.
func ChangeLevel(log *slog.Logger, level *slog.LevelVar, to slog.Level, by string) {
	from := level.Level()
	level.Set(min(from, slog.LevelInfo))
	log.Info("the level of the log was changed", "from", from, "to", to, "by", by)
	level.Set(to)
}
