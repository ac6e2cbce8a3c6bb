package testenv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Cluster is a primary and a replica that follows it by GTID and is read-only.
type Cluster struct {
	Engine           Engine
	Primary, Replica *SQLServer
}

type options struct {
	shared  bool // nobody kills it
	durable bool
	// unprivileged: the server runs as nobody where the tests run as root.
	unprivileged bool
	server       []string
}

// Option changes a private cluster.
type Option func(*options)

// Durable has the servers force every commit to a real disk, and gives them memory and
// a log of the usual size, as one that matters is configured: what a benchmark needs in
// order to be honest.
func Durable() Option { return func(o *options) { o.durable = true } }

// ServerOption passes an option to both servers, such as "--max-connections=10".
func ServerOption(option string) Option {
	return func(o *options) { o.server = append(o.server, option) }
}

// MySQL returns the cluster that the tests of a package share; it starts at the
// first call, which takes seconds, and is stopped by Main. Tests have databases of
// their own in it (NewDatabase) and leave the servers themselves alone: one that
// breaks them asks for a PrivateMySQL.
func MySQL(tb testing.TB, engine Engine) *Cluster {
	tb.Helper()
	start := sharedCluster(engine)
	require.NotNil(tb, start, "call testenv.Main from TestMain: it stops what tests share")
	c, err := start()
	require.NoError(tb, err)
	return c
}

// sharedCluster starts the engine's cluster with its first call; it is nil
// outside Main.
func sharedCluster(engine Engine) func() (*Cluster, error) {
	suite.mu.Lock()
	defer suite.mu.Unlock()
	if suite.clusters[engine.Name] == nil && suite.running {
		suite.clusters[engine.Name] = sync.OnceValues(func() (*Cluster, error) {
			c, err := newCluster(engine, options{shared: true})
			if err == nil {
				atEnd(c.remove)
			}
			return c, err
		})
	}
	return suite.clusters[engine.Name]
}

// PrivateMySQL starts a cluster for one test.
func PrivateMySQL(tb testing.TB, engine Engine, opts ...Option) *Cluster {
	tb.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	c, err := newCluster(engine, o)
	require.NoError(tb, err)
	tb.Cleanup(c.remove)
	return c
}

// atEnd has Main call f after the tests.
func atEnd(f func()) {
	suite.mu.Lock()
	defer suite.mu.Unlock()
	suite.cleanups = append(suite.cleanups, f)
}

// fromTemplate gives use an initialised data directory to copy.
func fromTemplate(e Engine, use func(template string) error) (err error) {
	dir, err := scratch(false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	template := filepath.Join(dir, "d")
	if err := os.Mkdir(template, 0o700); err != nil {
		return err
	}
	if err := e.initialize(template); err != nil {
		return err
	}
	return use(template)
}

func newCluster(e Engine, o options) (*Cluster, error) {
	c := &Cluster{Engine: e}
	err := fromTemplate(e, func(template string) error {
		// The primary's number is its identity: no two clusters may have the same,
		// or what one of them wrote would pass for the other's.
		id := rand.Uint32N(1<<31) + 1
		var starts sync.WaitGroup
		var primaryErr, replicaErr error
		starts.Go(func() { c.Primary, primaryErr = newSQLServer(e, template, id, o) })
		starts.Go(func() {
			replica := o
			replica.server = append([]string{"--read-only=ON"}, o.server...)
			c.Replica, replicaErr = newSQLServer(e, template, id+1, replica)
		})
		starts.Wait()
		if err := errors.Join(primaryErr, replicaErr); err != nil {
			return err
		}
		return c.replicate()
	})
	if err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

// replicate makes the accounts and has the replica follow the primary.
func (c *Cluster) replicate() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := c.Primary.createAccounts(ctx); err != nil {
		return err
	}
	if err := c.Replica.createAccounts(ctx); err != nil {
		return err
	}
	follow := fmt.Sprintf(c.Engine.dialect.follow, c.Primary.port.number, replicaUser, replicaPassword)
	for _, statement := range []string{follow, "START REPLICA"} {
		if _, err := c.Replica.admin.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("start replication: %w", err)
		}
	}
	return poll(nil, func() error { return c.replicating(ctx) })
}

func (c *Cluster) remove() {
	for _, s := range []*SQLServer{c.Replica, c.Primary} {
		if s != nil {
			s.remove()
		}
	}
}
