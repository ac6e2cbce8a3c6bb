package doctor

import (
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Nginx judges the configuration in a file, what nginx -T printed or nginx.conf itself, by
// how it passes streams on. heartbeat is the gateways', and so is maxAge; zero: no limit.
func Nginx(file string, heartbeat, maxAge time.Duration) []Finding {
	const what = "Nginx"
	top, err := readNginx(file)
	if err != nil {
		return []Finding{Bad(what, "give it what nginx -T printed", "%v", err)}
	}
	places := top.streamLocations()
	if len(places) == 0 {
		return []Finding{Bad(what, "see docs/proxies.md", "no location passes /v1/stream on")}
	}
	found := []Finding{top.shutdown(maxAge)}
	for _, l := range places {
		found = append(found, l.judge(heartbeat)...)
	}
	return found
}

// streamLocations are the locations that /v1/stream is passed on in, one for each server.
// Where some are for it alone, those for everything are other services'.
func (d *directive) streamLocations() (places []*directive) {
	for http := range d.all("http") {
		for server := range http.all("server") {
			if l := server.locationOf(streamPath); l != nil && len(l.own("proxy_pass")) > 0 {
				places = append(places, l)
			}
		}
	}
	particular := func(l *directive) bool { return l.args[len(l.args)-1] != "/" }
	if slices.ContainsFunc(places, particular) {
		places = slices.DeleteFunc(places, func(l *directive) bool { return !particular(l) })
	}
	return places
}

// all are the blocks of that name in this one.
func (d *directive) all(name string) iter.Seq[*directive] {
	return func(yield func(*directive) bool) {
		for _, one := range d.inside {
			if one.name == name && !yield(one) {
				return
			}
		}
	}
}

// locationOf is what Nginx chooses: the exact location, else the first that matches by an
// expression, unless the longest that matches by its beginning forbids those.
func (d *directive) locationOf(path string) (chosen *directive) {
	longest := -1
	var expression *directive
	for l := range d.all("location") {
		if len(l.args) == 0 {
			continue
		}
		name := l.args[len(l.args)-1]
		switch kind := l.args[0]; {
		case len(l.args) == 2 && kind == "=":
			if name == path {
				return l
			}
		case len(l.args) == 2 && strings.HasPrefix(kind, "~"):
			if kind == "~*" {
				name = "(?i)" + name
			}
			if re, err := regexp.Compile(name); err == nil && expression == nil && re.MatchString(path) {
				expression = l
			}
		case strings.HasPrefix(path, name) && len(name) > longest:
			longest, chosen = len(name), l
		}
	}
	if expression != nil && (chosen == nil || chosen.args[0] != "^~") {
		return expression
	}
	return chosen
}

// own are the arguments of each directive of that name that stands here.
func (d *directive) own(name string) (args [][]string) {
	for one := range d.all(name) {
		args = append(args, one.args)
	}
	return args
}

// inForce are those that hold here: of the nearest block around that has any.
func (d *directive) inForce(name string) [][]string {
	for at := d; at != nil; at = at.within {
		if args := at.own(name); len(args) > 0 {
			return args
		}
	}
	return nil
}

// value is the first argument of the one in force; usual where there is none.
func (d *directive) value(name, usual string) string {
	if args := d.inForce(name); len(args) > 0 && len(args[0]) > 0 {
		return args[0][0]
	}
	return usual
}

// names tells whether one of those in force has an argument of that name.
func (d *directive) names(directives []string, argument string) bool {
	for _, name := range directives {
		for _, args := range d.inForce(name) {
			if slices.ContainsFunc(args, func(a string) bool { return strings.EqualFold(a, argument) }) {
				return true
			}
		}
	}
	return false
}

func (d *directive) judge(heartbeat time.Duration) []Finding {
	what := "Nginx, location " + strings.Join(d.args, " ")
	findings := []Finding{}
	check := func(ok bool, good, bad, do string) {
		if ok {
			findings = append(findings, Good(what, "%s", good))
		} else {
			findings = append(findings, Bad(what, do, "%s", bad))
		}
	}
	version := d.value("proxy_http_version", "1.0")
	check(version != "1.0", "proxy_http_version "+version, "speaks HTTP/1.0 with the gateway, or does so before Nginx 1.29.7",
		`set proxy_http_version 1.1 and proxy_set_header Connection ""`)
	unbuffered := d.value("proxy_buffering", "on") == "off" || !d.names([]string{"proxy_ignore_headers"}, "X-Accel-Buffering")
	check(unbuffered, "streams are not buffered", "streams are buffered, and the gateway's X-Accel-Buffering is ignored", "set proxy_buffering off")
	zipped := d.value("gzip", "off") == "on" && (d.names([]string{"gzip_types"}, "text/event-stream") || d.names([]string{"gzip_types"}, "*"))
	check(!zipped, "streams are not compressed", "streams are compressed", "set gzip off, or leave text/event-stream out of gzip_types")
	check(d.value("proxy_cache", "off") == "off", "streams are not cached", "streams are cached", "set proxy_cache off")
	lost := d.names([]string{"proxy_hide_header", "add_header"}, "Cache-Control") || len(d.inForce("expires")) > 0
	check(!lost, "Cache-Control is the gateway's", "Cache-Control is changed, so that no-transform may be lost", "remove proxy_hide_header, add_header and expires")
	replaced := d.names([]string{"proxy_set_header"}, "Last-Event-ID") && !d.names([]string{"proxy_set_header"}, "$http_last_event_id")
	check(!replaced, "Last-Event-ID is passed on", "Last-Event-ID is replaced", "remove that proxy_set_header")
	silence, known := nginxTime(d.value("proxy_read_timeout", "60s"))
	check(known && silence >= 2*heartbeat, "proxy_read_timeout "+silence.String(), "cuts a stream after "+silence.String()+" of silence",
		"set proxy_read_timeout to twice the heartbeat at least, which is "+heartbeat.String())
	secure, second := false, d.value("http2", "off") == "on"
	for _, args := range d.within.own("listen") {
		secure = secure || slices.Contains(args, "ssl")
		second = second || slices.Contains(args, "http2")
	}
	check(!secure || second, "HTTP/2 is on, or there is no TLS", "HTTP/2 is off", "set http2 on (before Nginx 1.25.1: listen ... ssl http2)")
	return findings
}

// shutdown is how long old workers may go on after a reload.
func (d *directive) shutdown(maxAge time.Duration) Finding {
	const what = "Nginx, worker_shutdown_timeout"
	set := d.value("worker_shutdown_timeout", "")
	if set == "" {
		return Good(what, "is not set, so old workers stay until their streams end")
	}
	limit, known := nginxTime(set)
	if !known || maxAge == 0 || limit < maxAge {
		return Bad(what, "set it above the age of streams (--stream-max-age), or remove it", "is %s: every reload cuts streams, which live %s", set, maxAge)
	}
	return Good(what, "is %s, and streams live %s", set, maxAge)
}

var nginxUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "M": 30 * 24 * time.Hour, "y": 365 * 24 * time.Hour,
}

var nginxTimePart = regexp.MustCompile(`^(\d+)(ms|[smhdwMy]?)\s*`)

// nginxTime reads "75s", "1h 30m" or "60".
func nginxTime(text string) (sum time.Duration, ok bool) {
	for text != "" {
		m := nginxTimePart.FindStringSubmatch(text)
		if m == nil {
			return 0, false
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, false
		}
		sum += time.Duration(n) * nginxUnits[m[2]]
		text, ok = text[len(m[0]):], true
	}
	return sum, ok
}
