package config

import (
	"net/url"

	"github.com/bellhop/bellhop/fleet"
)

// Support is what helps to answer operators' questions.
type Support struct {
	Remember int `placeholder:"N" default:"10000" help:"For how many events the process remembers for ten minutes what it did, for GET /v1/admin/channels/CHANNEL/events/SEQ. A notifier remembers who published them and when, a gateway when it sent them and to how many streams. A gateway also remembers the ends of a quarter as many streams. 10000 take about 2 MiB, from the start. 0: nothing is remembered."`
}

func (s *Support) check(p *SettingErrors) {
	if s.Remember < 0 || s.Remember > fleet.MaxRemember {
		p.addf("remember", "want 0 to %d, not %d", fleet.MaxRemember, s.Remember)
	}
}

// Traces says whether single events are followed by spans of OpenTelemetry.
type Traces struct {
	TracesURL   string  `name:"traces-url" placeholder:"URL" help:"Address to which spans are sent, as OTLP over HTTP, such as http://collector:4318/v1/traces. Without it nothing is traced."`
	TracesRatio float64 `name:"traces-ratio" placeholder:"SHARE" default:"0.01" help:"Which share of the publishing requests without a traceparent is traced, 0 to 1. A request with a traceparent says itself whether it is traced."`
}

func (t *Traces) check(p *SettingErrors) {
	if u, err := url.Parse(t.TracesURL); t.TracesURL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		p.addf("traces-url", "%q is no address: want http://host:port/v1/traces", t.TracesURL)
	}
	if !(t.TracesRatio >= 0 && t.TracesRatio <= 1) && !p.has("traces-ratio") { // also if it is not a number
		p.addf("traces-ratio", "%v is out of range, want 0 to 1", t.TracesRatio)
	}
}
