package config

import "github.com/bellhop/bellhop/fleet"

// Support is what helps to answer operators' questions.
type Support struct {
	Remember int `placeholder:"N" default:"10000" help:"For how many events the process remembers for ten minutes what it did, for GET /v1/admin/channels/CHANNEL/events/SEQ. A notifier remembers who published them and when, a gateway when it sent them and to how many streams. A gateway also remembers the ends of a quarter as many streams. 10000 take about 2 MiB, from the start. 0: nothing is remembered."`
}

func (s *Support) check(p *SettingErrors) {
	if s.Remember < 0 || s.Remember > fleet.MaxRemember {
		p.addf("remember", "want 0 to %d, not %d", fleet.MaxRemember, s.Remember)
	}
}
