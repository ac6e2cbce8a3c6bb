package fanout_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// foundWithin is how soon a failure is found, at a gateway whose times are not
// configured, on a machine that is busy: it takes three seconds by itself.
const foundWithin = 10 * time.Second

func TestRedisRestartedEmptyIsSubscribedToAgain(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	bus := fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{}))
	r, channels := listen(t, bus, 600)

	server.Kill()
	r.WaitCount(t, fanouttest.Suspect, "", 1)
	_, err := bus.Publish(t.Context(), []fanout.Message{fanouttest.NewMessage(channels[0], 1, 1)})
	require.Error(t, err)
	server.Start()
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	r.WaitAll(t, fanouttest.Subscribed, channels)
	requireDelivery(t, bus, r, channels)
}

func TestRedisKilledSubscriptionIsMadeAnewOnce(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	bus := fanout.NewRedis(open(t, server.URL()), quiet(fanouttest.Steady))
	r, channels := listen(t, bus, 600)
	require.NoError(t, server.Client().ConfigResetStat(t.Context()).Err())

	killed, err := server.Client().ClientKillByFilter(t.Context(), "TYPE", "pubsub").Result()
	require.NoError(t, err)
	require.Equal(t, int64(1), killed)
	r.WaitCount(t, fanouttest.Suspect, "", 1)
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	require.Equal(t, fanouttest.Suspect, r.Calls()[0].Kind)
	requireDelivery(t, bus, r, channels)

	// go-redis, left to itself, would have subscribed to everything at once.
	subscribes := commandCalls(t, server, "subscribe")
	require.Equal(t, 3, subscribes, "two batches of channels and the probe")
}

func TestRedisFrozenIsNoticed(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	bus := fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{}))
	r, channels := listen(t, bus, 10)

	frozen := time.Now()
	server.Freeze()
	r.WaitCount(t, fanouttest.Suspect, "", 1)
	require.Less(t, time.Since(frozen), foundWithin)

	asked := time.Now()
	_, err := bus.Publish(t.Context(), []fanout.Message{fanouttest.NewMessage(channels[0], 1, 1)})
	require.Error(t, err)
	require.Less(t, time.Since(asked), foundWithin, "a publisher hangs on a frozen server")

	server.Thaw()
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	requireDelivery(t, bus, r, channels)
}

func TestRedisSubscriberClosesAlthoughTheServerHangs(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	early := fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{})).Subscriber(new(fanouttest.Recorder))
	r := new(fanouttest.Recorder)
	ready := fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{})).Subscriber(r)
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	server.Freeze()
	late := fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{})).Subscriber(new(fanouttest.Recorder))
	for _, s := range []fanout.Subscriber{early, ready, late} {
		began := time.Now()
		require.NoError(t, s.Close())
		require.Less(t, time.Since(began), foundWithin)
	}
}

func TestRedisStalledNetworkIsNoticed(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	proxy := testenv.Proxy(t, server.Addr)
	// The probe that is under way then hangs for long, and is not waited for.
	listening := fanout.NewRedis(open(t, "redis://"+proxy.Addr+"?read_timeout=1m"), quiet(fanout.Config{PublishTimeout: time.Minute}))
	r, channels := listen(t, listening, 10)

	stalled := time.Now()
	proxy.Stall()
	r.WaitCount(t, fanouttest.Suspect, "", 1)
	require.Less(t, time.Since(stalled), foundWithin)
	proxy.Resume()
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	requireDelivery(t, fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{})), r, channels)
}

// A master that a fail-over has left behind keeps its subscribers, and answers
// their pings for ever, while everybody publishes elsewhere.
func TestRedisThatAnswersPingsAndDeliversNothingIsNoticed(t *testing.T) {
	t.Parallel()
	left, promoted := testenv.Redis(t), testenv.Redis(t)
	proxy := testenv.Proxy(t, left.Addr)
	bus := fanout.NewRedis(open(t, "redis://"+proxy.Addr), quiet(fanout.Config{}))
	r, channels := listen(t, bus, 10)

	switched := time.Now()
	proxy.Redirect(promoted.Addr)
	require.NoError(t, left.Client().ClientKillByFilter(t.Context(), "TYPE", "normal").Err())
	r.WaitCount(t, fanouttest.Suspect, "", 1)
	require.Less(t, time.Since(switched), foundWithin)
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	requireDelivery(t, fanout.NewRedis(open(t, promoted.URL()), quiet(fanout.Config{})), r, channels)
}

// If probes can't be sent, the subscription is not to blame: it stays, and the
// bus is in doubt until they can.
func TestRedisThatTakesNoProbesIsInDoubtAndKeepsItsSubscriptions(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	bus := fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{PingInterval: 2 * time.Second}))
	r, channels := listen(t, bus, 10)

	require.NoError(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "default", "-publish").Err())
	r.WaitCount(t, fanouttest.Suspect, "", 1)
	require.NoError(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "default", "+publish").Err())
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	require.Zero(t, r.Count(fanouttest.Subscribed, channels[0]), "the connection was made anew")
	requireDelivery(t, bus, r, channels)
}

// Redis closes the connection of a subscriber for whom too much waits. What waited
// is lost, which the handler is told.
func TestRedisThatGivesUpASlowReader(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t, "--client-output-buffer-limit", "pubsub 256kb 0 0")
	bus := fanout.NewRedis(open(t, server.URL()), quiet(fanouttest.Steady))
	r, channels := listen(t, bus, 600)

	// All of a script is published before anything of it is sent.
	flood := "for i = 1, 100 do redis.call('PUBLISH', KEYS[1], string.rep('x', 10000)) end return 1"
	require.NoError(t, server.Client().Eval(t.Context(), flood, []string{fanout.DefaultPrefix + string(channels[0])}).Err())
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	require.Equal(t, 1, r.Count(fanouttest.Suspect, ""))
	r.WaitAll(t, fanouttest.Subscribed, channels)
	requireDelivery(t, bus, r, channels)
}

func TestRedisPublisherThatIsCutOffFailsAndComesBack(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	r, channels := listen(t, fanout.NewRedis(open(t, server.URL()), quiet(fanouttest.Steady)), 1)
	proxy := testenv.Proxy(t, server.Addr)
	publisher := fanout.NewRedis(open(t, "redis://"+proxy.Addr), quiet(fanout.Config{}))
	requireDelivery(t, publisher, r, channels)

	proxy.Refuse()
	receivers, err := publisher.Publish(t.Context(), []fanout.Message{fanouttest.NewMessage(channels[0], 2, 1)})
	require.Error(t, err)
	require.Equal(t, []int{-1}, receivers)
	require.Zero(t, r.Count(fanouttest.Suspect, ""), "the subscriber's own way was not touched")
	proxy.Resume()
	r.Forget()
	requireDelivery(t, publisher, r, channels)
}

func TestRedisMessageThatCannotBeReadIsToldAsLost(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	bus := fanout.NewRedis(open(t, server.URL()), quiet(fanout.Config{Prefix: "other:"}))
	r, channels := listen(t, bus, 1)
	for i, payload := range []string{"", "\x02\x02e1\x00\x00\x00\x00\x00\x00\x00\x01", "\x01\xff", "hello, world"} {
		require.NoError(t, server.Client().Publish(t.Context(), "other:"+string(channels[0]), payload).Err())
		r.WaitCount(t, fanouttest.Lost, channels[0], i+1)
	}
	// A frame that would inject a block is left out of its message.
	m := fanouttest.NewMessage(channels[0], 1, 1)
	m.Frame = event.Frame("event: a\ndata: b\n\nevent: bellhop.refused\ndata: {}\n")
	_, err := bus.Publish(t.Context(), []fanout.Message{m})
	require.NoError(t, err)
	r.WaitCount(t, fanouttest.Message, channels[0], 1)
	calls := r.Of(channels[0])
	require.Equal(t, fanout.Message{Channel: channels[0], Epoch: "e1", Seq: 1}, calls[len(calls)-1].Message)
}

func TestRedisThatRefusesTheAccountStaysInDoubt(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	require.NoError(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "limited", "on", ">pw", "+@all", "&elsewhere*").Err())
	bus := fanout.NewRedis(open(t, "redis://limited:pw@"+server.Addr), quiet(fanout.Config{}))
	r := new(fanouttest.Recorder)
	s := bus.Subscriber(r)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	channels := fanouttest.Channels(t, 1)
	s.Subscribe(channels...)
	_, err := bus.Publish(t.Context(), []fanout.Message{fanouttest.NewMessage(channels[0], 1, 1)})
	require.ErrorContains(t, err, "NOPERM")

	require.NoError(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "limited", "&bellhop:*").Err())
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	require.Equal(t, fanouttest.Suspect, r.Calls()[0].Kind)
	requireDelivery(t, bus, r, channels)
}

// commandCalls reads how often the server ran a command.
func commandCalls(t *testing.T, server *testenv.RedisServer, command string) int {
	t.Helper()
	info, err := server.Client().Info(t.Context(), "commandstats").Result()
	require.NoError(t, err)
	_, after, ok := strings.Cut(info, "cmdstat_"+command+":calls=")
	require.True(t, ok, info)
	number, _, _ := strings.Cut(after, ",")
	n, err := strconv.Atoi(number)
	require.NoError(t, err)
	return n
}
