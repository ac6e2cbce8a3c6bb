package model

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Input is who is to be served, and by what. Settings says what each number means.
type Input struct {
	Users, Online, PerDay, Peak, Session, Days                       float64
	Cores, GB, PerGateway, PrimaryCores, PrimaryTB, Gbits, Use, Away float64
}

// Setting is one number of an Input.
type Setting struct {
	Name, Help    string
	Value         *float64
	Default, Most float64
}

// Settings are all of them.
func (in *Input) Settings() []Setting {
	return []Setting{
		{"users", "people", &in.Users, 1e6, 1e10},
		{"online", "share of them that holds a stream at the busiest time", &in.Online, 0.1, 1},
		{"events-per-user-day", "events for a person, in a day", &in.PerDay, 10, 1e5},
		{"peak", "events at the busiest time, to the mean", &in.Peak, 5, 1e3},
		{"session-minutes", "minutes that a stream lives", &in.Session, 15, 1e6},
		{"days", "days for which events are kept", &in.Days, 90, 1e5},
		{"cores", "processors of a machine, but for the primary's", &in.Cores, 8, 1e4},
		{"gb", "its memory", &in.GB, 32, 1e5},
		{"streams-per-gateway", "streams that one gateway may have: so many come back if it is lost", &in.PerGateway, 1e5, 1e7},
		{"gbits", "its network, and the primary's", &in.Gbits, 10, 1e4},
		{"primary-cores", "processors of the largest primary that can be had", &in.PrimaryCores, 64, 1e4},
		{"primary-tb", "its disk", &in.PrimaryTB, 16, 1e5},
		{"use", "share of a machine that may be used at the busiest time", &in.Use, 0.5, 1},
		{"away", "seconds that a fail-over of the primary takes", &in.Away, 20, 1e5},
	}
}

// Check tells what can't be computed with.
func (in *Input) Check() error {
	var errs []error
	for _, s := range in.Settings() {
		if v := *s.Value; !(v > 0 && v <= s.Most) { // not a number is neither
			errs = append(errs, fmt.Errorf("%s is %v: want more than 0 and at most %v", s.Name, v, s.Most))
		}
	}
	return errors.Join(errs...)
}

// Machines are those of one kind of process.
type Machines struct {
	Name, Why    string
	Count        float64
	Cores, Bytes float64 // of each, at the busiest time
}

// Limit is something that more machines don't help against.
type Limit struct {
	Name, Why string
	Used      float64 // 1: nothing is left
	Users     float64 // at which nothing is left
}

// Pause is how long a disturbance keeps a kind of process busy.
type Pause struct {
	Name    string
	Seconds float64
}

// Plan is what an Input takes.
type Plan struct {
	Streams, Connects, Events, Deliveries float64 // in a second, but for the streams

	Kinds       []Machines
	Limits      []Limit // the one that breaks first comes first
	Reconnect   []Pause // all streams come at once, by kind
	GatewayLost []Pause // the streams of one gateway come to the others
	Refused     float64 // events that publishers have to send again after the primary was away
	CaughtUp    float64 // seconds in which the new primary has taken them
	Stored      float64 // bytes
	Written     float64 // bytes a second, by the primary
	ToGateways  float64 // bytes a second, from the primary to all gateways
	PerShard    float64 // bytes a second
}

const (
	// socket is what the kernel keeps for an idle connection, about.
	socket = 5 << 10
	// tail is what each gateway reads of an event that is alone in its transaction: its
	// row's id, token and channel, as they are packed.
	tail = 100
	// ports is how many connections one address of Nginx has to one gateway.
	ports = 28000
	// planRounds bounds how often the number of notifiers and that of their transactions
	// are worked out from each other.
	planRounds = 100
	// spread is the share of a machine's memory that streams may take.
	spread = 0.7
)

// Of computes the plan of an input that was checked.
func (c *Constants) Of(in Input) Plan {
	p := c.machines(in)
	for i := range p.Limits {
		p.Limits[i].Users = in.Users * c.factor(in, i)
	}
	slices.SortStableFunc(p.Limits, func(a, b Limit) int { return cmp.Compare(a.Users, b.Users) })
	return p
}

// factor is by how much the people may grow until a limit is reached: what it takes
// may grow faster than they do.
func (c *Constants) factor(in Input, limit int) float64 {
	low, high := 0.0, 1e6
	for range 60 {
		middle := (low + high) / 2
		more := in
		more.Users *= middle
		if p := c.machines(more); p.Limits[limit].Used < 1 {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

func (c *Constants) machines(in Input) Plan {
	perDay := in.Users * in.PerDay
	p := Plan{Streams: in.Users * in.Online, Events: perDay / 86400 * in.Peak, Stored: perDay * in.Days * c.RowBytes}
	p.Connects, p.Deliveries = p.Streams/(in.Session*60), p.Events*in.Online
	all := Load{Streams: p.Streams, Connects: p.Connects, Events: p.Events, Deliveries: p.Deliveries}
	cores, memory := in.Cores*in.Use, in.GB*1e9*spread

	// The fewer notifiers, the fewer and larger transactions.
	notifiers := most(2, "two, so that one may fail")
	for range planRounds {
		all.Groups = c.Groups(p.Events, notifiers.Count)
		if enough := most(notifiers.Count, notifiers.Why, need{c.Notifier.Cores(all) / cores, "processor time"}); enough != notifiers {
			notifiers = enough
			continue
		}
		break
	}
	notifiers.Cores, notifiers.Bytes = c.Notifier.Base+c.Notifier.Cores(all)/notifiers.Count, c.Notifier.Memory

	// A gateway reads the whole tail, so a part of its work does not get less with
	// more gateways. At worst each delivery wakes one.
	fixed := c.Gateway.Base + c.Gateway.Gateway + c.Gateway.Tail*p.Events
	shared := c.Gateway.Cores(Load{Streams: p.Streams, Connects: p.Connects, Deliveries: p.Deliveries}) +
		c.Gateway.Wake*p.Deliveries
	gateways := most(2, "two, so that one may fail",
		need{shared / max(cores-fixed, cores/1000), "processor time"},
		need{p.Streams / in.PerGateway, "streams that may be lost at once"},
		need{p.Streams * (c.Gateway.Held + socket) / max(memory-c.Gateway.Memory, 1), "memory"})
	n := gateways.Count
	gateways.Cores, gateways.Bytes = fixed+shared/n, c.Gateway.Memory+p.Streams/n*(c.Gateway.Held+socket)

	nginx := most(2, "two, so that one may fail",
		need{c.Nginx.Cores(all) / cores, "processor time"},
		need{p.Streams * (c.Nginx.Held + 2*socket) / memory, "memory"},
		need{p.Streams / (n * ports), "ports towards gateways"})
	nginx.Cores, nginx.Bytes = c.Nginx.Cores(all)/nginx.Count, c.Nginx.Memory+p.Streams/nginx.Count*(c.Nginx.Held+2*socket)

	// A shard has one thread, and every gateway has a connection to each shard.
	each := c.Redis.Base + c.Redis.Gateway*n
	shards := most(1, "one is enough", need{c.Redis.Cores(all) / max(in.Use-each, in.Use/1000), "its one thread"})
	shards.Cores, shards.Bytes = each+c.Redis.Cores(all)/shards.Count, c.Redis.Memory+c.Redis.Held*p.Streams/shards.Count
	p.PerShard = p.Events * c.RedisBytes / shards.Count

	primary := Machines{Name: "primary", Count: 1, Why: "one, and its replicas"}
	load := all
	load.Processes, load.Gateways = 1, n
	primary.Cores = c.Primary.Cores(load) // its memory is what it is given
	p.Written, p.ToGateways = p.Events*(c.LogBytes+c.RowBytes), p.Events*n*tail

	gateways.Name, nginx.Name, notifiers.Name, shards.Name = "gateways", "nginx", "notifiers", "redis shards"
	p.Kinds = []Machines{nginx, gateways, notifiers, shards, primary}
	line := in.Gbits * 1e9 / 8 * in.Use
	p.Limits = []Limit{
		{Name: "processor of the primary", Why: "it takes each append, and each gateway reads all of them from it", Used: primary.Cores / (in.PrimaryCores * in.Use)},
		{Name: "disk of the primary", Why: "all events that are kept are on it", Used: p.Stored / (in.PrimaryTB * 1e12)},
		{Name: "network of the primary", Why: "it sends the tail to every gateway", Used: (p.ToGateways + p.Written) / line},
		{Name: "tail in each gateway", Why: "each gateway reads all appends, and more gateways do not change that", Used: fixed / cores},
	}

	come := func(streams, spare float64) []Pause {
		return []Pause{
			{"nginx", streams * c.Nginx.Connect / (nginx.Count * in.Cores * spare)},
			{"gateways", streams * c.Gateway.Connect / (n * in.Cores * spare)},
			{"redis shards", streams * c.Redis.Connect / (shards.Count * spare)},
			{"primary", streams * c.Primary.Connect / (in.PrimaryCores * spare)},
		}
	}
	p.Reconnect = come(p.Streams, 1)
	p.GatewayLost = come(p.Streams/n, 1-in.Use*0.99)
	p.Refused = p.Events * in.Away
	p.CaughtUp = p.Refused * (c.Primary.Event + c.Primary.Group/overlapRows) / max(in.PrimaryCores-primary.Cores, in.PrimaryCores/1000)
	return p
}

// need is for how many machines there is a reason.
type need struct {
	count float64
	why   string
}

// most takes the need of most machines.
func most(least float64, why string, needs ...need) Machines {
	m := Machines{Count: least, Why: why}
	for _, n := range needs {
		if count := math.Ceil(n.count); count > m.Count {
			m.Count, m.Why = count, n.why
		}
	}
	return m
}
