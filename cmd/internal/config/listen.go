package config

import (
	"io"
	"log/slog"
	"net"
	"strconv"
	"time"
)

// HTTP is where a program listens.
type HTTP struct {
	Listen      string        `placeholder:"HOST:PORT" default:"${listen}" help:"Address of the public API. Without a host: every interface."`
	DrainDelay  time.Duration `placeholder:"DURATION" default:"1s" help:"Time for which a stopping program goes on as before, but answers 503 on /readyz, so that load balancers stop sending clients. Make it longer than the balancer's health checks need."`
	AdminListen string        `placeholder:"HOST:PORT" default:"${admin_listen}" help:"Address of /metrics, /readyz with reasons, /loglevel and /debug/pprof, and, where events are accepted, of the console (/console/). It must not be public: on the same machine the console needs no key."`
}

// PublicAddress is where the public API listens.
func (h *HTTP) PublicAddress() string { return h.Listen }

// AdminAddress is where operators are answered.
func (h *HTTP) AdminAddress() string { return h.AdminListen }

func (h *HTTP) check(p *SettingErrors) {
	checkAddress(p, "listen", h.Listen)
	checkAddress(p, "admin-listen", h.AdminListen)
	p.between("drain-delay", h.DrainDelay, 0, 5*time.Minute)
	if _, port, err := net.SplitHostPort(h.Listen); err == nil && h.Listen == h.AdminListen && port != "0" {
		p.addf("admin-listen", "%s is the public listener's address too", h.AdminListen)
	}
}

// loopback tells whether the public listener can be reached from this machine only.
func (h *HTTP) loopback() bool {
	host, _, err := net.SplitHostPort(h.Listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func checkAddress(p *SettingErrors, flag, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		p.addf(flag, "want host:port or :port, not %q", address)
		return
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		p.addf(flag, "the port of %q is not a number from 0 to 65535", address)
	}
}

// Logging is what a program tells about itself.
type Logging struct {
	LogLevel  slog.Level `placeholder:"LEVEL" default:"info" help:"The lowest level that is logged: debug, info, warn or error. PUT /loglevel on the admin listener changes it while the program runs. SIGHUP sets it back to what is configured, also in the file that the variable with _FILE names."`
	LogFormat string     `placeholder:"FORMAT" default:"${log_format}" help:"text, or json with one object in each line."`
}

func (l *Logging) check(p *SettingErrors) {
	if l.LogFormat != "text" && l.LogFormat != "json" {
		p.addf("log-format", "want text or json, not %q", l.LogFormat)
	}
}

// Level is the least severe level that is to be logged.
func (l *Logging) Level() slog.Level { return l.LogLevel }

// Logger makes a logger of the form that was asked for, writing to w what level lets
// through. The settings must have passed Parse.
func (l *Logging) Logger(w io.Writer, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
