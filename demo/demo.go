// Package demo is a product that uses Bellhop, for people who want to see it at
// work: a community for adopting pets, a board of study projects, and a raffle,
// with a page in two languages.
//
// It is an ordinary backend service with a database of its own. Of Bellhop it
// uses what any service would: it signs tokens with the shared secret, and it
// publishes with package client. The page in the browser opens the streams; not
// one of them passes through this service.
//
// It believes everybody who says who they are. It must not be reachable from
// outside.
package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/notify"
	"github.com/bellhop/bellhop/demo/raffle"
	"github.com/bellhop/bellhop/demo/study"
	"github.com/bellhop/bellhop/web"
)

// Config says what the demo works with.
type Config struct {
	// Database is the path of its file, which is made and filled with examples
	// if it is missing.
	Database string
	// Secret signs tokens (HS256). It is the gateway's.
	Secret string
	// Notifier takes what is published: a client.Client.
	Notifier notify.Publisher
	// Streams tells how many streams are open, for the page; ok is false where
	// that can't be told. Nil: never.
	Streams func(context.Context) (n int, ok bool)
	Logger  *slog.Logger
}

// Demo is the service. It is safe for concurrent use.
type Demo struct {
	secret  []byte
	streams func(context.Context) (int, bool)
	log     *slog.Logger

	db        *domain.DB
	community *community.Service
	study     *study.Service
	raffle    *raffle.Service
	outbox    *notify.Outbox
	crowd     *crowd
	page      *web.Site
	handler   http.Handler
}

// New opens the database. Nothing is published before Run.
func New(ctx context.Context, cfg Config) (_ *Demo, err error) {
	if cfg.Secret == "" {
		return nil, errors.New("the demo needs the secret that tokens are signed with")
	}
	db, err := domain.Open(ctx, cfg.Database, community.Schema, study.Schema, raffle.Schema, notify.Schema)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	d := &Demo{secret: []byte(cfg.Secret), streams: cfg.Streams, log: cfg.Logger, db: db}
	if d.outbox, err = notify.NewOutbox(ctx, db, cfg.Notifier, cfg.Logger); err != nil {
		return nil, fmt.Errorf("outbox of the demo: %w", err)
	}
	d.community = community.New(db, time.Now)
	d.study = study.New(db, time.Now)
	d.raffle = raffle.New(db, time.Now)
	d.crowd = newCrowd(d.raffle, cfg.Logger)
	if err := seed(ctx, db, time.Now()); err != nil {
		return nil, fmt.Errorf("examples of the demo: %w", err)
	}
	d.page = page()
	d.handler = d.routes()
	return d, nil
}

// ServeHTTP answers the page and its API: every path but those that begin with
// /v1, which are Bellhop's.
func (d *Demo) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// Paths returns those of the page and its files. Besides, the demo answers all
// paths under /api/ and POST /demo/token.
func (d *Demo) Paths() []string { return d.page.Paths() }

// Run publishes what the demo has to tell, until ctx ends.
func (d *Demo) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.outbox.Run(ctx) })
	group.Go(func() error { return d.crowd.run(ctx) })
	return group.Wait()
}

// Close closes the database, after Run has returned.
func (d *Demo) Close() error { return d.db.Close() }

//go:embed page
var files embed.FS

// page is the page and, beside it, Bellhop's client for browsers.
func page() *web.Site {
	own, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	site, err := web.NewSite(own, web.Client())
	if err != nil {
		panic(err) // so are its files
	}
	return site
}
