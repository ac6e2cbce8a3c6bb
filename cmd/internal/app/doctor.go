package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/doctor"
	"github.com/bellhop/bellhop/relay"
)

// lookAtStream prints what holds streams of a site back, and fails if something does.
func lookAtStream(ctx context.Context, at config.DoctorStream, stdout io.Writer) error {
	findings, err := doctor.Stream{
		URL: at.URL, Token: at.Token.Reveal(), Channel: at.Channel, Wait: at.Wait, Insecure: at.Insecure,
	}.Look(ctx)
	if err != nil {
		return err
	}
	return report(stdout, findings)
}

// report prints findings, and fails if something is to be done.
func report(stdout io.Writer, findings []doctor.Finding) error {
	bad, err := doctor.Report(stdout, findings)
	if err == nil && bad > 0 {
		err = fmt.Errorf("%d of %d checks found something to do", bad, len(findings))
	}
	return err
}

// examiner tries what a program will need, and gathers what it found.
type examiner struct {
	log   *slog.Logger
	token string // to judge; empty: none
	found []doctor.Finding
}

func (x *examiner) goodf(what, format string, args ...any) {
	x.found = append(x.found, doctor.Good(what, format, args...))
}

func (x *examiner) badf(what, do, format string, args ...any) {
	x.found = append(x.found, doctor.Bad(what, do, format, args...))
}

// backends looks at the database and at Redis.
func (x *examiner) backends(ctx context.Context, mysql config.MySQL, bus config.Redis, policies auth.Policies) {
	log, err := openMySQL(ctx, mysql, x.log)
	if err != nil {
		x.badf("database", "correct the DSNs", "%v", err)
	} else {
		for _, server := range log.Examine(ctx) {
			x.server(server)
		}
		x.closed("database", log.Close())
	}
	client, err := fanout.OpenRedisAs(bus.Redis.Reveal(), bus.RedisTLS.Config(), new(fanout.Account))
	if err != nil {
		x.badf("Redis", "correct the address", "%v", err)
		return
	}
	x.redis(ctx, client, fanout.NewRedis(client, fanout.Config{Pubsub: fanout.Pubsub(bus.Pubsub), Logger: x.log}), policies)
	x.closed("Redis", client.Close())
}

// outbox looks at the outbox, if there is one.
func (x *examiner) outbox(ctx context.Context, cfg config.Outbox) {
	if cfg.Outbox == "" {
		return
	}
	const what, do = "outbox", "see docs/operations.md, The outbox"
	r, err := openRelay(cfg, relay.Config{Logger: x.log})
	if err != nil {
		x.badf(what, do, "%v", err)
		return
	}
	if err := r.Examine(ctx); err != nil {
		x.badf(what, do, "%v", err)
	} else {
		x.goodf(what, "the tables of %s are there, and the account may do all that is needed", cfg.OutboxTable)
	}
	x.closed(what, r.Close())
}

// nginx judges Nginx's configuration by what streams are here.
func (x *examiner) nginx(file string, streams config.Streams) {
	if file != "" {
		x.found = append(x.found, doctor.Nginx(file, streams.Heartbeat, streams.MaxAge)...)
	}
}

func (x *examiner) closed(what string, err error) {
	if err != nil {
		x.badf(what, "see why", "the connections did not close: %v", err)
	}
}

// tokens looks at the keys of tokens, and judges the sample by them.
func (x *examiner) tokens(ctx context.Context, cfg auth.TokenConfig) {
	const what = "keys of tokens"
	keys, err := openTokenKeys(cfg, x.log)
	defer func() { x.closed(what, keys.Close()) }()
	if err != nil {
		x.badf(what, "correct the settings of tokens", "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, issuerTime)
	defer cancel()
	if err := keys.Ready(ctx); err != nil {
		x.badf(what, "make the issuer's key set reachable from here (--jwks-url, --issuers)", "can't be read: %v", err)
		return
	}
	x.goodf(what, "%d issuers, %d of them with a key set that can be read", len(cfg.Issuers), len(keys.sets))
	if x.token == "" {
		return
	}
	claims, err := keys.Verify(x.token)
	if err != nil {
		x.badf("sample token", "see the codes of 401 in api.md", "is refused: %v", err)
		return
	}
	x.goodf("sample token", "is of %q and good until %s", claims.Subject, claims.Expires.Format(time.RFC3339))
}

// issuerTime bounds the reading of key sets.
const issuerTime = 10 * time.Second
