package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/demo"
)

// Limits of requests and of the end.
const (
	headerTimeout = 10 * time.Second
	stopTimeout   = 5 * time.Second
)

// service is the program's parts, and its listener, which is open.
type service struct {
	log      *slog.Logger
	product  *demo.Demo
	handler  http.Handler
	listener net.Listener
	idle     func() // closes idle connections to the notifier
}

func open(ctx context.Context, s settings, log *slog.Logger) (*service, error) {
	transport := new(http.Transport)
	bell, err := client.New(client.Config{URL: s.notifier, Key: s.key, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return nil, err
	}
	pass, err := newGateway(s.gateway, log)
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return nil, err
	}
	product, err := demo.New(ctx, demo.Config{
		Database: s.database, Secret: s.secret, Notifier: bell, Streams: pass.streams, Logger: log,
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &service{
		log: log, product: product, handler: pass.handler(product), listener: listener,
		idle: func() { transport.CloseIdleConnections(); pass.transport.CloseIdleConnections() },
	}, nil
}

// url is where the page is.
func (s *service) url() string { return "http://" + s.listener.Addr().String() }

// run serves until ctx ends, or a part fails.
func (s *service) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	server := &http.Server{
		Handler: s.handler,
		// Not ReadTimeout: net/http goes on reading while it answers, and would end
		// a stream by it.
		ReadHeaderTimeout: headerTimeout,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		// What is under way when the program is to end ends with it: streams have
		// no other end, and their clients resume.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	group.Go(func() error { return s.product.Run(ctx) })
	group.Go(func() error {
		s.log.InfoContext(ctx, "serving", "url", s.url())
		if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return server.Shutdown(stop)
	})
	err := group.Wait()
	s.idle()
	return errors.Join(err, s.product.Close())
}
