package demo

import (
	"github.com/bellhop/bellhop/demo/domain"
)

// postToken signs somebody in, whoever they say they are.
func (d *Demo) postToken(_ call, in struct {
	User string `json:"user"`
}) (any, error) {
	person, err := domain.Named(in.User)
	if err != nil {
		return nil, err
	}
	token, err := d.sign(person.ID)
	return map[string]any{"token": token, "person": person}, err
}

func (d *Demo) getPeople(call) (any, error) {
	return map[string]any{"people": domain.People()}, nil
}

// vitals is what the page shows of the machinery: streams on one side, database
// connections on the other, and that they have nothing to do with each other.
type vitals struct {
	Streams *int `json:"streams"` // nil where it can't be told
	Pool    pool `json:"pool"`
}

// pool is the state of the demo's database connections.
type pool struct {
	Max   int   `json:"max"`
	Open  int   `json:"open"`
	InUse int   `json:"in_use"`
	Waits int64 `json:"waits"` // requests that found none free, ever
}

func (d *Demo) getVitals(c call) (any, error) {
	var v vitals
	if d.streams != nil {
		if n, ok := d.streams(c.Context()); ok {
			v.Streams = &n
		}
	}
	s := d.db.Stats()
	v.Pool = pool{Max: s.MaxOpenConnections, Open: s.OpenConnections, InUse: s.InUse, Waits: s.WaitCount}
	return v, nil
}
