package config

import (
	"io"
	"log/slog"
)

// Logging is what a program tells about itself.
type Logging struct {
	LogLevel  string `placeholder:"LEVEL" default:"info" help:"Least severe level that is logged: debug, info, warn or error."`
	LogFormat string `placeholder:"FORMAT" default:"${log_format}" help:"text, or json with one object a line."`
}

func (l *Logging) check(p *SettingErrors) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil {
		p.addf("log-level", "want debug, info, warn or error, not %q", l.LogLevel)
	}
	if l.LogFormat != "text" && l.LogFormat != "json" {
		p.addf("log-format", "want text or json, not %q", l.LogFormat)
	}
}

// Logger makes the logger that was asked for, writing to w. The settings must
// have passed Parse.
func (l *Logging) Logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.LogLevel)) // checked by Parse
	options := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
