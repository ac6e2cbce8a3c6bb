package testenv

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// GroupKind is a way in which servers agree on what is committed before they say so.
type GroupKind struct {
	// Name is "galera" or "group-replication": fit for a subtest.
	Name string

	engine Engine
	// build starts the members of g, joined.
	build func(g *Group, members int) error
	// writable counts 1 on a member that takes writes now.
	writable string
	rejoin   func(ctx context.Context, s *SQLServer) error
	// handover has a member take writes; nil: all of them do.
	handover func(ctx context.Context, s *SQLServer) error
}

// GroupKinds lists what a test of groups is to run on: Galera always, and Group
// Replication if BELLHOP_TEST_MYSQLD has the path of a mysqld.
func GroupKinds() []GroupKind {
	kinds := []GroupKind{galera}
	for _, engine := range Engines() {
		if engine.Name == "mysql" {
			kinds = append(kinds, groupReplication(engine))
		}
	}
	return kinds
}

// Group is some servers that keep what one of them acknowledged when that one is lost.
type Group struct {
	Kind    GroupKind
	Members []*SQLServer
	// Router leads to the member that takes writes, and to another once that one does
	// not any more: what operators put before a group.
	Router *TCPProxy

	mu      sync.Mutex
	primary *SQLServer
}

// routerInterval is how often the router looks for the member that takes writes.
const routerInterval = 100 * time.Millisecond

// NewGroup starts a group with a database, whose name it returns.
func NewGroup(tb testing.TB, kind GroupKind, members int) (g *Group, database string) {
	tb.Helper()
	g = &Group{Kind: kind}
	tb.Cleanup(func() {
		for _, s := range g.Members {
			s.remove()
		}
	})
	require.NoError(tb, kind.build(g, members))
	g.primary = g.Members[0]
	database = databasePrefix + "group"
	g.primary.Exec(tb, "CREATE DATABASE "+database+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")

	g.Router = Proxy(tb, g.primary.Addr)
	ctx, stop := context.WithCancel(context.Background())
	var routing sync.WaitGroup
	routing.Go(func() { g.route(ctx) })
	tb.Cleanup(func() { stop(); routing.Wait() })
	return g, database
}

// DSN is that of the router.
func (g *Group) DSN(database string) string {
	return g.Members[0].DSNVia(g.Router.Addr, database)
}

// Primary is the member that the router leads to.
func (g *Group) Primary() *SQLServer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.primary
}

// Switch has another member take the writes, as for maintenance.
func (g *Group) Switch(tb testing.TB) {
	tb.Helper()
	old := g.Primary()
	next := g.Members[(slices.Index(g.Members, old)+1)%len(g.Members)]
	if g.Kind.handover == nil {
		g.lead(next)
		return
	}
	require.NoError(tb, g.Kind.handover(tb.Context(), next))
	require.NoError(tb, poll(nil, func() error {
		if g.Primary() == old {
			return errors.New("the router leads to the old primary")
		}
		return nil
	}))
}

// Rejoin starts a member that was killed and waits until it is in the group again.
func (g *Group) Rejoin(tb testing.TB, s *SQLServer) {
	tb.Helper()
	require.NoError(tb, g.Kind.rejoin(tb.Context(), s))
}

func (g *Group) route(ctx context.Context) {
	tick := time.NewTicker(routerInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		current := g.Primary()
		if g.writable(ctx, current) {
			continue
		}
		for _, s := range g.Members {
			if s != current && g.writable(ctx, s) {
				g.lead(s)
				break
			}
		}
	}
}

func (g *Group) writable(ctx context.Context, s *SQLServer) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var n int
	return s.admin.QueryRowContext(ctx, g.Kind.writable).Scan(&n) == nil && n == 1
}

func (g *Group) lead(s *SQLServer) {
	g.mu.Lock()
	g.primary = s
	g.mu.Unlock()
	g.Router.Redirect(s.Addr)
	g.Router.Cut()
}

// reaches polls until a query counts want.
func (s *SQLServer) reaches(ctx context.Context, query string, want int) error {
	return poll(nil, func() error {
		var n sql.NullInt64
		err := s.admin.QueryRowContext(ctx, query).Scan(&n)
		if err == nil && int(n.Int64) != want {
			err = errors.New("not yet: " + strings.TrimSpace(query))
		}
		return err
	})
}
