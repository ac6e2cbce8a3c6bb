package model

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// toy has constants whose arithmetic a person can follow.
var toy = Constants{
	Gateway:  Part{Gateway: 1, Delivery: 0.01, Tail: 0.001, Connect: 0.001, Held: 1 << 10},
	Nginx:    Part{Delivery: 0.004, Connect: 0.001},
	Notifier: Part{Event: 0.004},
	Redis:    Part{Base: 0.1, Event: 0.001},
	Primary:  Part{Base: 1, Event: 0.01, Tail: 0.0001},
	RowBytes: 100, LogBytes: 400, RedisBytes: 50,
}

// people are 864,000, who have 100 events a second between them at the mean and 1,000
// at the busiest time.
var people = Input{
	Users: 864_000, Online: 0.5, PerDay: 10, Peak: 10, Session: 72, Days: 10,
	Cores: 8, GB: 100, PerGateway: 1e6, PrimaryCores: 40, PrimaryTB: 1, Gbits: 1, Use: 0.5, Away: 20,
}

func TestThePlanIsSimpleArithmetic(t *testing.T) {
	t.Parallel()
	require.NoError(t, people.Check())
	p := toy.Of(people)
	require.InDeltaSlice(t, []float64{432_000, 100, 1000, 500}, []float64{p.Streams, p.Connects, p.Events, p.Deliveries}, 1e-6)
	kinds := map[string]Machines{}
	for _, m := range p.Kinds {
		kinds[m.Name] = m
	}
	// Of 4 cores that may be used, 1 and 1000 * 0.001 do not get less with more
	// gateways; 500 * 0.01 + 100 * 0.001 are shared.
	require.InDelta(t, 3, kinds["gateways"].Count, 0)
	require.InDelta(t, 2+5.1/3, kinds["gateways"].Cores, 1e-9)
	require.Equal(t, "processor time", kinds["gateways"].Why)
	// 432,000 streams through 3 * 28,000 ports each.
	require.InDelta(t, 6, kinds["nginx"].Count, 0)
	require.Equal(t, "ports towards gateways", kinds["nginx"].Why)
	require.InDelta(t, 2, kinds["notifiers"].Count, 0)
	require.InDelta(t, 3, kinds["redis shards"].Count, 0, "one core of events, 0.4 of it in each shard")
	require.InDelta(t, 1+10+0.3, kinds["primary"].Cores, 1e-9)
	require.InDelta(t, 8.64e9, p.Stored, 1)
	require.InDelta(t, 300_000, p.ToGateways, 1e-6)
	require.InDelta(t, 20_000, p.Refused, 1e-6)
	require.InDelta(t, 432_000*0.001/(3*8), p.Reconnect[1].Seconds, 1e-9)
}

// TestWhatBreaksFirstStandsFirst: and with as many people as a limit says, it is reached.
func TestWhatBreaksFirstStandsFirst(t *testing.T) {
	t.Parallel()
	p := toy.Of(people)
	for i, limit := range p.Limits {
		if i > 0 {
			require.GreaterOrEqual(t, limit.Users, p.Limits[i-1].Users)
		}
		full := people
		full.Users = limit.Users
		for _, l := range toy.Of(full).Limits {
			if l.Name == limit.Name {
				require.InDelta(t, 1, l.Used, 0.02, l.Name) // gateways come in whole ones
			}
		}
	}
	few := people
	few.PerGateway = 50_000
	require.InDelta(t, 9, toy.Of(few).Kinds[1].Count, 0)
	small := people
	small.PrimaryTB = 0.01
	require.Equal(t, "disk of the primary", toy.Of(small).Limits[0].Name)
	require.NotEqual(t, p.Limits[0].Name, toy.Of(small).Limits[0].Name)
}

func TestMorePeopleNeverTakeLess(t *testing.T) {
	t.Parallel()
	last := Plan{}
	for in := people; in.Users < 1e9; in.Users *= 1.7 {
		p := toy.Of(in)
		for i := range last.Kinds { // more gateways have more ports, which is less of Nginx
			if p.Kinds[i].Name == "nginx" {
				continue
			}
			require.GreaterOrEqual(t, p.Kinds[i].Count, last.Kinds[i].Count, p.Kinds[i].Name)
			require.False(t, math.IsNaN(p.Kinds[i].Cores) || math.IsInf(p.Kinds[i].Count, 0))
		}
		last = p
	}
}

func TestWhatCannotBeComputedWithIsNamed(t *testing.T) {
	t.Parallel()
	in := people
	in.Online, in.Users, in.Use = 1.5, 0, math.NaN()
	err := in.Check()
	require.ErrorContains(t, err, "users is 0: want more than 0")
	require.ErrorContains(t, err, "online is 1.5: want more than 0 and at most 1")
	require.ErrorContains(t, err, "use is NaN")
}

func TestManyEventsShareATransaction(t *testing.T) {
	t.Parallel()
	c := Constants{Commit: 0.001, CommitRow: 0.0001}
	require.Zero(t, c.Groups(0, 2))
	require.InDelta(t, 10, c.Groups(10, 1), 0.1, "each is alone")
	require.Less(t, c.Groups(600, 1), 540.0, "some come while another is written")
	require.Less(t, c.Groups(3000, 1), c.Groups(1500, 1), "many wait for each other")
	require.InDelta(t, 2/0.0034, c.Groups(1e6, 1), 1e-6, "no more than two at once")
	require.InDelta(t, 2*c.Groups(3000, 1), c.Groups(6000, 2), 1e-6)
	require.Greater(t, c.Groups(6000, 4), c.Groups(6000, 2))
}

func TestATransactionWakesEachGatewayOnce(t *testing.T) {
	t.Parallel()
	p := Part{Wake: 1}
	require.Zero(t, p.Cores(Load{Gateways: 3}))
	require.InDelta(t, 10, p.Cores(Load{Gateways: 1, Groups: 10, Deliveries: 50}), 1e-9)
	require.InDelta(t, 10, p.Cores(Load{Gateways: 1000, Groups: 10, Deliveries: 10}), 1e-9)
	require.InDelta(t, 30, p.Cores(Load{Gateways: 3, Groups: 10, Deliveries: 1e4}), 1e-9)
	require.InDelta(t, 15, p.Cores(Load{Gateways: 2, Groups: 10, Deliveries: 20}), 1e-9, "half of the second events come to the other one")
}
