package config

import (
	"time"

	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/internal/server"
)

// Streams shapes the Server-Sent-Events streams of a gateway.
type Streams struct {
	CORSOrigins    []string      `name:"cors-origins" placeholder:"ORIGIN" sep:"," help:"Origins that may open streams from another site, such as https://app.example.com or capacitor://localhost, comma-separated. In https://*.preview.example.com the star is one label. * alone allows every origin, without cookies. A demo that only this machine can reach allows all of http://localhost and http://127.0.0.1 as well."`
	CookieSameSite string        `name:"cookie-same-site" placeholder:"lax|none" default:"lax" help:"Whether the session cookie is for pages that other sites frame. lax: it is not. none: SameSite=None; Secure; Partitioned, which takes TLS. In both cases only pages of the gateway's own site and of --cors-origins change anything by it."`
	Heartbeat      time.Duration `placeholder:"DURATION" default:"20s" help:"Longest silence on a stream. Proxies cut silent connections, often after 60 s."`
	MaxAge         time.Duration `name:"stream-max-age" placeholder:"DURATION" default:"30m" help:"Age at which a stream ends properly, give or take some jitter; its client resumes at once. 0: no limit."`
	Drain          time.Duration `placeholder:"DURATION" default:"15s" help:"Time over which a stopping gateway spreads the ends of its streams."`
	MaxStreams     int           `placeholder:"N" default:"0" help:"Streams that this gateway holds at most. 0: what the limit of file descriptors allows."`
	UserStreams    int           `name:"max-streams-per-user" placeholder:"N" default:"32" help:"Streams that one person may have open on all gateways together. 0: no limit."`
	AddressStreams int           `name:"max-streams-per-address" placeholder:"N" default:"1000" help:"Streams that one client address may have open on this gateway; of IPv6, one network of 64 bits. 0: no limit. Without --trusted-proxies, addresses of private networks are not limited: they may be a proxy's."`
	AddressRate    int           `name:"max-rate-per-address" placeholder:"N" default:"100" help:"Streams and reads that one client address may begin in a second on this gateway; ten seconds' worth can be saved up. 0: no limit. What is an address is as above."`
	TrustedProxies []string      `name:"trusted-proxies" placeholder:"NETWORK" sep:"," help:"Networks of the proxies in front, such as 10.0.0.0/8, comma-separated. Only they are believed about the address of a client (X-Forwarded-For) and about TLS (X-Forwarded-Proto), without which the session cookie is not Secure."`
	LogPeople      Switch        `name:"log-people" placeholder:"on|off" default:"off" help:"Name people in the lines that the level debug has for the end of each stream. off: the first 16 digits of the SHA-256 of the person's id, so that lines about one person can be found without telling who it is."`
	SlowTimeout    time.Duration `placeholder:"DURATION" default:"30s" help:"Time after which a client that takes no bytes is dropped."`

	Origins server.Origins `kong:"-"` // CORSOrigins, parsed
	Proxies limit.Proxies  `kong:"-"` // TrustedProxies, parsed
}

func (s *Streams) check(p *SettingErrors) {
	origins, err := server.ParseOrigins(s.CORSOrigins)
	if err != nil {
		p.addf("cors-origins", "%v", err)
	}
	s.Origins = origins
	if s.CookieSameSite != "lax" && s.CookieSameSite != "none" {
		p.addf("cookie-same-site", "want lax or none, not %q", s.CookieSameSite)
	}
	p.onOrOff("log-people", s.LogPeople)
	p.between("heartbeat", s.Heartbeat, 100*time.Millisecond, 5*time.Minute)
	if s.MaxAge != 0 {
		p.between("stream-max-age", s.MaxAge, time.Second, 24*time.Hour)
	}
	p.between("drain", s.Drain, 0, 10*time.Minute)
	p.between("slow-timeout", s.SlowTimeout, 100*time.Millisecond, 10*time.Minute)
	proxies, err := limit.ParseProxies(s.TrustedProxies)
	if err != nil {
		p.addf("trusted-proxies", "%v", err)
	}
	s.Proxies = proxies
	p.notNegative("max-streams", s.MaxStreams)
	p.notNegative("max-streams-per-user", s.UserStreams)
	p.notNegative("max-streams-per-address", s.AddressStreams)
	p.notNegative("max-rate-per-address", s.AddressRate)
}
