package config

import "github.com/bellhop/bellhop/fleet"

// Support is what helps to answer operators' questions.
type Support struct {
	Remember int `placeholder:"N" default:"10000" help:"Events of which the process remembers for ten minutes what it did with them, for GET /v1/admin/channels/CHANNEL/events/SEQ: a notifier who published them and when, a gateway when and to how many streams it handed them over. A gateway also remembers the ends of a quarter as many streams. About 2 MiB for 10000, taken at the start. 0: nothing is remembered."`
}

func (s *Support) check(p *SettingErrors) {
	if s.Remember < 0 || s.Remember > fleet.MaxRemember {
		p.addf("remember", "want 0 to %d, not %d", fleet.MaxRemember, s.Remember)
	}
}
