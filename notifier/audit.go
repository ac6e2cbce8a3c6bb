package notifier

import (
	"context"
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// AuditLog keeps the audit lines that a policy wants in a table. Calls are bounded in time
// as those of Log.
type AuditLog interface {
	// WriteAudit writes lines that store.Audit made; the same may be written again.
	WriteAudit(ctx context.Context, lines []store.AuditLine) error
	// AgeAudit forgets some of what is older, or more than the table may hold; more tells
	// that there are others.
	AgeAudit(ctx context.Context, keep time.Duration) (more bool, err error)
}

var _ AuditLog = (*store.DB)(nil)

const (
	auditQueue = 1024 // lines that wait for the table
	auditGroup = 100  // lines in one transaction
	// auditRetry is the pause after the table did not take lines.
	auditRetry = time.Second
	// auditAgeEvery is how often aged lines are looked for.
	auditAgeEvery = time.Minute
	// auditEnd bounds the last attempt, on the way down.
	auditEnd = 3 * time.Second
)

// audits are lines on their way into the table. The answers to calls don't wait for them.
type audits struct {
	to    AuditLog
	lines chan store.AuditLine
	group []store.AuditLine // of the worker: what is written next
	lost  prometheus.Counter
}

func newAudits(to AuditLog, lost prometheus.Counter) *audits {
	return &audits{to: to, lines: make(chan store.AuditLine, auditQueue), lost: lost}
}

// add never waits.
func (a *audits) add(l store.AuditLine) {
	select {
	case a.lines <- l:
	default:
		a.lost.Inc()
	}
}

// write waits for lines and writes a group of them. While the log is away they stay; what
// it will never take does not keep the others back.
func (a *audits) write(ctx context.Context) (time.Duration, error) {
	if len(a.group) == 0 {
		select {
		case l := <-a.lines:
			a.group = append(a.group, l)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	a.fill()
	err := a.to.WriteAudit(ctx, a.group)
	switch {
	case err == nil:
		a.group = a.group[:0]
		return 0, nil
	case !errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil:
		a.lost.Add(float64(len(a.group)))
		a.group = a.group[:0]
	}
	return wait.Jitter(auditRetry), err
}

// fill takes what waits, for as much as fits into a group.
func (a *audits) fill() {
	for len(a.group) < auditGroup {
		select {
		case l := <-a.lines:
			a.group = append(a.group, l)
		default:
			return
		}
	}
}

// finish writes what waits, once the worker and those who add are done. It says how many
// lines were lost.
func (a *audits) finish(ctx context.Context) (lost int, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditEnd)
	defer cancel()
	for a.fill(); len(a.group) > 0; a.fill() {
		if err == nil {
			err = a.to.WriteAudit(ctx, a.group)
		}
		if err != nil {
			lost += len(a.group)
		}
		a.group = a.group[:0]
	}
	a.lost.Add(float64(lost))
	return lost, err
}

// audit leaves the line of an admin call in the log and, if the policies say so, in the
// table. The table gets calls with known keys alone: anybody could fill it otherwise.
func (n *Notifier) audit(ctx huma.Context, service string, known bool, about string) {
	c := humaecho.Unwrap(ctx)
	l := store.AuditLine{
		At: time.Now(), Operation: ctx.Operation().OperationID, About: about, Service: service,
		Remote: c.Request().RemoteAddr, Status: c.Response().Status, RequestID: server.RequestID(ctx.Context()),
	}
	n.cfg.Logger.InfoContext(ctx.Context(), "admin call", "operation", l.Operation, "on", l.About,
		"service", l.Service, "remote", l.Remote, "status", l.Status, "request_id", l.RequestID)
	if known && n.cfg.Audit != nil && n.cfg.access.Load().policies.Audit() > 0 {
		n.maintenance.audits.add(store.Audit(l))
	}
}

// ageAudit forgets what the policies don't want kept any longer. Without a word of theirs
// all stays: what fell out of a file by mistake must not cost the records.
func (m *maintenance) ageAudit(ctx context.Context) (time.Duration, error) {
	keep := m.cfg.access.Load().policies.Audit()
	if keep == 0 {
		return wait.Jitter(auditAgeEvery), nil
	}
	return m.rounds(auditAgeEvery, func(ctx context.Context) (bool, error) { return m.cfg.Audit.AgeAudit(ctx, keep) })(ctx)
}
