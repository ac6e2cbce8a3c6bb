package testenv

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// RedisFleet is a Cluster of several masters, each with a replica if asked for. A
// master that does not answer is replaced after about two seconds.
type RedisFleet struct {
	tb      testing.TB
	masters []*RedisServer // those that began as such
	all     []*RedisServer
}

// NewRedisFleet starts one with the slots shared out evenly.
func NewRedisFleet(tb testing.TB, masters int, replicas bool) *RedisFleet {
	tb.Helper()
	f := &RedisFleet{tb: tb}
	for i := range masters {
		node := fleetNode(tb)
		require.NoError(tb, node.client.ClusterAddSlotsRange(tb.Context(), i*slots/masters, (i+1)*slots/masters-1).Err())
		require.NoError(tb, node.client.Do(tb.Context(), "cluster", "set-config-epoch", i+1).Err())
		f.join(node)
	}
	f.masters = f.all
	if replicas {
		for _, m := range f.masters {
			f.AddReplica(m)
		}
	}
	return f
}

func fleetNode(tb testing.TB) *RedisServer {
	tb.Helper()
	return RedisClusterNode(tb, "--cluster-node-timeout", "1500", "--repl-diskless-sync-delay", "0")
}

// URL is the address of the Cluster: the nodes that it began with.
func (f *RedisFleet) URL() string {
	var addrs []string
	for _, node := range f.all {
		addrs = append(addrs, node.Addr)
	}
	return "redis+cluster://" + strings.Join(addrs, ",")
}

// Nodes are all that were started.
func (f *RedisFleet) Nodes() []*RedisServer { return f.all }

// Masters are those that are masters with slots at the moment, as a node that is up
// sees it.
func (f *RedisFleet) Masters() []*RedisServer {
	f.tb.Helper()
	var masters []*RedisServer
	require.NoError(f.tb, poll(nil, func() error {
		masters = nil
		for _, node := range f.all {
			found, err := node.client.ClusterSlots(context.Background()).Result() //nolint:staticcheck // the other way to ask is new in Redis 7
			if err != nil {
				continue
			}
			for _, s := range found {
				for _, n := range f.all {
					if n.Addr == s.Nodes[0].Addr && !slices.Contains(masters, n) {
						masters = append(masters, n)
					}
				}
			}
			return nil
		}
		return errors.New("no node answers")
	}))
	return masters
}

// AddMaster starts one that has no slots yet.
func (f *RedisFleet) AddMaster() *RedisServer {
	f.tb.Helper()
	node := fleetNode(f.tb)
	f.join(node)
	return node
}

// AddReplica starts a replica of a master, and waits until it follows it.
func (f *RedisFleet) AddReplica(of *RedisServer) *RedisServer {
	f.tb.Helper()
	node, id := f.AddMaster(), f.id(of)
	require.NoError(f.tb, poll(nil, func() error { return node.client.ClusterReplicate(context.Background(), id).Err() }))
	f.WaitFollows(node)
	return node
}

// WaitFollows waits until a node is a replica that has all of its master's keys: so
// ends, by itself, who was replaced and is started again.
func (f *RedisFleet) WaitFollows(node *RedisServer) {
	f.tb.Helper()
	require.NoError(f.tb, poll(nil, func() error {
		info, err := node.client.Info(context.Background(), "replication").Result()
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = errors.New(info)
		}
		return err
	}))
}

// Retire gives a master's slots to another one, and ends it. It has no replica.
func (f *RedisFleet) Retire(master, to *RedisServer) {
	f.tb.Helper()
	for _, r := range f.SlotsOf(master) {
		f.MoveSlots(master, to, r[0], r[1])
	}
	master.Kill()
	f.forget(master)
}

// forget takes a node out, and has the others not wait for it.
func (f *RedisFleet) forget(node *RedisServer) {
	f.tb.Helper()
	f.all = slices.DeleteFunc(slices.Clone(f.all), func(n *RedisServer) bool { return n == node })
	for _, other := range f.all {
		nodes, err := other.client.ClusterNodes(f.tb.Context()).Result()
		if err != nil {
			continue // it is down
		}
		for line := range strings.Lines(nodes) {
			id, rest, _ := strings.Cut(line, " ")
			if strings.HasPrefix(rest, node.Addr+"@") && !strings.Contains(rest, "myself") {
				_ = other.client.ClusterForget(f.tb.Context(), id).Err() // or it has by itself
			}
		}
	}
}

// WaitReplaced waits until others have a master's slots.
func (f *RedisFleet) WaitReplaced(master *RedisServer) {
	f.tb.Helper()
	require.NoError(f.tb, poll(nil, func() error {
		if slices.Contains(f.Masters(), master) {
			return errors.New("it has slots still")
		}
		return nil
	}))
}

// MoveSlots moves n slots with their keys, one after the other, as an operator does who
// adds or removes a node.
func (f *RedisFleet) MoveSlots(from, to *RedisServer, first, n int) {
	f.tb.Helper()
	idFrom, idTo := f.id(from), f.id(to)
	ctx := f.tb.Context()
	host, port, _ := strings.Cut(to.Addr, ":")
	for slot := first; slot < first+n; slot++ {
		require.NoError(f.tb, to.client.Do(ctx, "cluster", "setslot", slot, "importing", idFrom).Err())
		require.NoError(f.tb, from.client.Do(ctx, "cluster", "setslot", slot, "migrating", idTo).Err())
		keys, err := from.client.ClusterGetKeysInSlot(ctx, slot, 1000).Result()
		require.NoError(f.tb, err)
		for _, key := range keys { // new ones are made at the other node already
			require.NoError(f.tb, poll(nil, func() error { return from.client.Migrate(ctx, host, port, key, 0, time.Second).Err() }))
		}
		require.NoError(f.tb, to.client.Do(ctx, "cluster", "setslot", slot, "node", idTo).Err())
		if err := from.client.Do(ctx, "cluster", "setslot", slot, "node", idTo).Err(); err != nil {
			// Without any slot it becomes a replica by itself, maybe before it is told.
			require.ErrorContains(f.tb, err, "only with masters")
		}
	}
}

// SlotsOf has the first slot of each range that a node has, and how many there are.
func (f *RedisFleet) SlotsOf(node *RedisServer) (ranges [][2]int) {
	f.tb.Helper()
	found, err := node.client.ClusterSlots(f.tb.Context()).Result() //nolint:staticcheck // as above
	require.NoError(f.tb, err)
	for _, s := range found {
		if s.Nodes[0].Addr == node.Addr {
			ranges = append(ranges, [2]int{s.Start, s.End - s.Start + 1})
		}
	}
	return ranges
}

func (f *RedisFleet) id(node *RedisServer) string {
	f.tb.Helper()
	id, err := node.client.Do(f.tb.Context(), "cluster", "myid").Text()
	require.NoError(f.tb, err)
	return id
}

// epoch is the newest one that a node has heard of.
func (f *RedisFleet) epoch(node *RedisServer) int {
	f.tb.Helper()
	info, err := node.client.ClusterInfo(context.Background()).Result()
	require.NoError(f.tb, err)
	_, after, _ := strings.Cut(info, "cluster_current_epoch:")
	number, _, _ := strings.Cut(after, "\r")
	n, err := strconv.Atoi(number)
	require.NoError(f.tb, err)
	return n
}

var busPort = regexp.MustCompile(`@(\d+)`)

// join has a node meet those that are up, and waits until all of them know it.
func (f *RedisFleet) join(node *RedisServer) {
	f.tb.Helper()
	f.all = append(f.all, node)
	nodes, err := node.client.ClusterNodes(f.tb.Context()).Result()
	require.NoError(f.tb, err)
	bus := busPort.FindStringSubmatch(nodes)
	require.Len(f.tb, bus, 2)
	id := f.id(node)
	host, port, _ := strings.Cut(node.Addr, ":")
	for _, other := range f.all[:len(f.all)-1] {
		if other.client.Ping(f.tb.Context()).Err() != nil {
			continue // it is down
		}
		require.NoError(f.tb, other.client.Do(f.tb.Context(), "cluster", "meet", host, port, bus[1]).Err())
		otherID := f.id(other)
		require.NoError(f.tb, poll(nil, func() error {
			there, err1 := other.client.ClusterNodes(context.Background()).Result()
			here, err2 := node.client.ClusterNodes(context.Background()).Result()
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			if !strings.Contains(there, id) || !strings.Contains(here, otherID) || strings.Contains(there+here, "handshake") {
				return fmt.Errorf("%s and %s do not know each other yet", node.Addr, other.Addr)
			}
			// One that has not heard of the newest epoch would not get the slots it is given.
			if f.epoch(node) < f.epoch(other) {
				return fmt.Errorf("%s is behind", node.Addr)
			}
			return nil
		}))
	}
}
