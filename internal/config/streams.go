package config

import (
	"time"

	"github.com/bellhop/bellhop/internal/server"
)

// Streams shapes the Server-Sent-Events streams of a gateway.
type Streams struct {
	CORSOrigins []string      `name:"cors-origins" placeholder:"ORIGIN" sep:"," help:"Origins that may open streams from another site, such as https://app.example.com, comma-separated; * allows every origin, without cookies."`
	Heartbeat   time.Duration `placeholder:"DURATION" default:"20s" help:"Longest silence on a stream. Proxies cut silent connections, often after 60 s."`
	MaxAge      time.Duration `name:"stream-max-age" placeholder:"DURATION" default:"30m" help:"Age at which a stream ends properly, give or take some jitter; its client resumes at once. 0: no limit."`
	Drain       time.Duration `placeholder:"DURATION" default:"15s" help:"Time over which a stopping gateway spreads the ends of its streams."`
	MaxStreams  int           `placeholder:"N" default:"0" help:"Streams that this gateway holds at most. 0: what the limit of file descriptors allows."`
	SlowTimeout time.Duration `placeholder:"DURATION" default:"30s" help:"Time after which a client that takes no bytes is dropped."`

	origins server.Origins
}

func (s *Streams) check(p *SettingErrors) {
	origins, err := server.ParseOrigins(s.CORSOrigins)
	if err != nil {
		p.addf("cors-origins", "%v", err)
	}
	s.origins = origins
	p.between("heartbeat", s.Heartbeat, 100*time.Millisecond, 5*time.Minute)
	if s.MaxAge != 0 {
		p.between("stream-max-age", s.MaxAge, time.Second, 24*time.Hour)
	}
	p.between("drain", s.Drain, 0, 10*time.Minute)
	p.between("slow-timeout", s.SlowTimeout, 100*time.Millisecond, 10*time.Minute)
	if s.MaxStreams < 0 {
		p.addf("max-streams", "%d is out of range, want 0 or more", s.MaxStreams)
	}
}

// Origins returns the parsed origins, once Parse succeeded.
func (s *Streams) Origins() server.Origins { return s.origins }
