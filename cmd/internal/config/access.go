package config

import (
	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/notifier"
)

// Services says which backend services may publish.
type Services struct {
	ServiceKeys Secret `placeholder:"KEY,..." help:"Keys of the services that publish: name=secret, or name@namespace+namespace=secret, comma-separated. The namespace admin gives the admin right; a name may occur twice."`
	ServiceRate int    `name:"max-rate-per-service" placeholder:"N" default:"0" help:"Publishing requests that each service may send in a second to this notifier; what is not used can be saved for up to five seconds. 0: no limit."`
	MaxData     int    `name:"max-data" placeholder:"BYTES" default:"65024" help:"Largest data of an event. With the default every line of a stream is below 64 KiB. Some clients can't read longer lines (Go's bufio.Scanner and others): they would fail at the same event again and again."`

	keys auth.ServiceKeys
}

func (s *Services) check(p *SettingErrors) {
	keys, err := auth.ParseServiceKeys(s.ServiceKeys.Reveal())
	if err != nil {
		p.addf("service-keys", "%v", err)
	}
	s.keys = keys
	p.notNegative("max-rate-per-service", s.ServiceRate)
	if s.MaxData < 1 || s.MaxData > notifier.MaxRequestData {
		p.addf("max-data", "%d is out of range, want 1 to %d", s.MaxData, notifier.MaxRequestData)
	}
}

// Keys returns the parsed service keys, once Parse succeeded.
func (s *Services) Keys() auth.ServiceKeys { return s.keys }

// Policies says what the namespaces allow and keep.
type Policies struct {
	Policies string `placeholder:"FILE" help:"YAML file of namespaces and their policies. Without it, the built-in policies are used."`

	Namespaces auth.Policies `kong:"-"` // those of the file, or the built-in ones
}

func (n *Policies) check(p *SettingErrors) {
	if n.Policies == "" {
		n.Namespaces = auth.Builtin()
		return
	}
	policies, err := auth.LoadFile(n.Policies)
	if err != nil {
		p.addf("policies", "%v", err)
	}
	n.Namespaces = policies
}
