package config

import (
	"strings"
	"time"

	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/internal/server"
)

// Streams shapes the Server-Sent-Events streams of a gateway.
type Streams struct {
	CORSOrigins    []string      `name:"cors-origins" placeholder:"ORIGIN" sep:"," help:"Origins that may open streams from another site, such as https://app.example.com or capacitor://localhost, comma-separated. In https://*.preview.example.com the star is one label. * alone allows every origin, but without cookies. A demo that only this machine can reach also allows http://localhost and http://127.0.0.1 with any port."`
	CookieSameSite string        `name:"cookie-same-site" placeholder:"lax|none" default:"lax" help:"Whether the session cookie works for pages that other sites frame. lax: it does not. none: it does (SameSite=None; Secure; Partitioned), and needs TLS. In both cases only pages of the gateway's own site and of --cors-origins can change anything with it."`
	Heartbeat      time.Duration `placeholder:"DURATION" default:"20s" help:"The longest time without a byte on a stream. Proxies cut silent connections, often after 60 s."`
	MaxAge         time.Duration `name:"stream-max-age" placeholder:"DURATION" default:"30m" help:"Age at which a stream ends, with some random difference; its client reconnects at once and misses nothing. 0: no limit."`
	Drain          time.Duration `placeholder:"DURATION" default:"15s" help:"Time over which a stopping gateway spreads the ends of its streams."`
	MaxStreams     int           `placeholder:"N" default:"0" help:"The most streams that this gateway holds. 0: as many as the limit of file descriptors allows."`
	UserStreams    int           `name:"max-streams-per-user" placeholder:"N" default:"32" help:"Streams that one person may have open on all gateways together. 0: no limit."`
	AddressStreams int           `name:"max-streams-per-address" placeholder:"N" default:"1000" help:"Streams that one client address may have open on this gateway; for IPv6, one network of 64 bits. 0: no limit. Without --trusted-proxies, addresses of private networks are not limited, because they may belong to a proxy."`
	AddressRate    int           `name:"max-rate-per-address" placeholder:"N" default:"100" help:"Streams and reads that one client address may begin in a second on this gateway; what is not used can be saved for up to ten seconds. 0: no limit. Addresses are counted as for --max-streams-per-address."`
	TrustedProxies []string      `name:"trusted-proxies" placeholder:"NETWORK" sep:"," help:"Networks of the proxies in front, such as 10.0.0.0/8, comma-separated. Only their headers about the address of a client (X-Forwarded-For) and about TLS (X-Forwarded-Proto) are used. Without the latter the session cookie is not Secure."`
	LogPeople      Switch        `name:"log-people" placeholder:"on|off" default:"off" help:"Write the person's id into the line that the level debug logs at the end of each stream. off: write the first 16 digits of its SHA-256, so that you can find lines about one person without knowing who it is."`
	SlowTimeout    time.Duration `placeholder:"DURATION" default:"30s" help:"Time after which the stream of a client that does not read is closed."`

	Origins server.Origins `kong:"-"` // CORSOrigins, parsed
	Proxies limit.Proxies  `kong:"-"` // TrustedProxies, parsed
}

func (s *Streams) check(p *SettingErrors) {
	origins, err := server.ParseOrigins(trimmed(s.CORSOrigins))
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
	proxies, err := limit.ParseProxies(trimmed(s.TrustedProxies))
	if err != nil {
		p.addf("trusted-proxies", "%v", err)
	}
	s.Proxies = proxies
	p.notNegative("max-streams", s.MaxStreams)
	p.notNegative("max-streams-per-user", s.UserStreams)
	p.notNegative("max-streams-per-address", s.AddressStreams)
	p.notNegative("max-rate-per-address", s.AddressRate)
}

// trimmed are the entries of a list without the spaces that people put after commas.
func trimmed(list []string) []string {
	short := make([]string, len(list))
	for i, entry := range list {
		short[i] = strings.TrimSpace(entry)
	}
	return short
}
