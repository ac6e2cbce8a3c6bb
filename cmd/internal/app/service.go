package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/internal/probe"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/internal/tracing"
	"github.com/bellhop/bellhop/internal/version"
	"github.com/bellhop/bellhop/notifier"
	"github.com/bellhop/bellhop/store"
)

// shutdownMargin is the time that requests under way have after the drain of
// the streams, before they are cut off.
const shutdownMargin = 10 * time.Second

// Service is a program whose parts are put together and whose listeners are
// open, so that its address is known, but that serves nobody before Run. A
// Service that does not come to run is given up by Close.
type Service struct {
	log      *slog.Logger
	registry *prometheus.Registry
	server   *server.Server
	public   net.Listener
	admin    net.Listener

	// access is what is in force of what stands in files, and readAccess takes it out
	// of settings that were read anew. What they are given to is nil where there is
	// none.
	access     accessSettings
	readAccess func(config.Program) (accessSettings, error)
	policies   atomic.Pointer[auth.Policies]
	tokenKeys  atomic.Pointer[tokenKeys]
	gateway    *gateway.Gateway
	notifier   *notifier.Notifier
	database   *store.DB       // MySQL
	tracer     *tracing.Tracer // nil: nothing is traced

	// run are what works beside the listeners, until its context ends.
	run     []func(context.Context) error
	reloads <-chan config.Program // nil: none come
	reread  func()                // asks for one; nil: nobody can
	// redisVerdict is what the last look at Redis found wrong; nil: nothing.
	redisVerdict atomic.Pointer[string]
	// redisAccount is who signs in to Redis.
	redisAccount fanout.Account
	// closers end the parts once the last request was answered, the newest
	// first.
	closers []func() error
}

// newService opens the listeners and makes the server. The drain is how long
// the hooks of its end may take.
func newService(ctx context.Context, http config.HTTP, origins server.Origins, drain time.Duration, log *slog.Logger) (_ *Service, err error) {
	s := &Service{log: log, registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), version.Metric())
	if s.public, err = server.Listen(ctx, http.Listen); err != nil {
		return nil, fmt.Errorf("--listen (%s): %w", config.Variable("listen"), err)
	}
	if s.admin, err = server.Listen(ctx, http.AdminListen); err != nil {
		return nil, errors.Join(fmt.Errorf("--admin-listen (%s): %w", config.Variable("admin-listen"), err), s.public.Close())
	}
	s.server, err = server.New(server.Options{
		Version:         version.Read().Version,
		Logger:          log,
		Registerer:      s.registry,
		Origins:         origins,
		DrainDelay:      http.DrainDelay,
		ShutdownTimeout: drain + shutdownMargin,
	})
	if err != nil {
		return nil, errors.Join(err, s.public.Close(), s.admin.Close())
	}
	s.readAccess = func(cfg config.Program) (accessSettings, error) { return accessOf(cfg), nil }
	return s, nil
}

// begin opens the tracer, and puts the first settings into force.
func (s *Service) begin(cfg config.Program, traces config.Traces) (err error) {
	if err := s.trace(traces, config.Name(cfg)); err != nil {
		return err
	}
	s.access, err = s.readAccess(cfg)
	policies := s.access.policies // a copy: what is read must not change
	s.policies.Store(&policies)
	return err
}

// serve runs a service that was put together, with what its process gives it.
func (inv Invocation) serve(ctx context.Context, s *Service, err error) error {
	if err != nil {
		return err
	}
	s.reloads, s.reread = inv.Reloads, inv.Reread
	s.server.LevelOfLog(inv.Level)
	return s.Run(ctx)
}

// URL is where the public API answers, as seen from this machine, without a
// slash at its end.
func (s *Service) URL() string { return "http://" + probe.Address(s.public.Addr().String()) }

// AdminURL is the same of the admin listener.
func (s *Service) AdminURL() string { return "http://" + probe.Address(s.admin.Addr().String()) }

// onClose has a part ended after those that were made later.
func (s *Service) onClose(closer func() error) { s.closers = append(s.closers, closer) }

// closeAfter gives the service up if err is an error, and returns it.
func (s *Service) closeAfter(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, s.Close())
}

// Close gives up a Service that was not run.
func (s *Service) Close() error {
	return errors.Join(s.public.Close(), s.admin.Close(), s.closeParts())
}

func (s *Service) closeParts() error {
	var errs []error
	for _, closer := range slices.Backward(s.closers) {
		errs = append(errs, closer())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// Run serves until ctx ends or a part fails, ends everything in order, and
// returns nil if that went well. The order is that of the data: first streams
// and requests, then what they used. Metrics can be read until the last moment.
func (s *Service) Run(ctx context.Context) error {
	s.log.Info("serving", "url", s.URL(), "admin", s.AdminURL(), "version", version.Read().Version)
	admin, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAdmin()
	ctx, fail := context.WithCancel(ctx)
	defer fail()
	adminDone := make(chan error, 1)
	go func() {
		err := s.server.ServeAdmin(admin, s.admin, s.registry)
		fail() // before its time: nobody could watch the process any more
		adminDone <- err
	}()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { s.followReloads(ctx, s.reloads); return nil })
	for _, run := range s.run {
		group.Go(func() error { return run(ctx) })
	}
	group.Go(func() error { return s.server.Serve(ctx, s.public) })
	err := errors.Join(group.Wait(), s.closeParts())
	stopAdmin()
	return errors.Join(err, <-adminDone)
}
