package config

import "net/url"

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
