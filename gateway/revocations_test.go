package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/store"
)

// faultyRevocations is a log that can be taken away.
type faultyRevocations struct {
	gateway.RevocationLog
	away  atomic.Bool
	early atomic.Int64 // seconds by which they were made before the log's word
}

func (l *faultyRevocations) Revocations(ctx context.Context, since time.Time) ([]store.Revocation, bool, error) {
	if l.away.Load() {
		return nil, false, errors.New("away")
	}
	list, more, err := l.RevocationLog.Revocations(ctx, since)
	for i := range list {
		list[i].At = list[i].At.Add(-time.Duration(l.early.Load()) * time.Second)
	}
	return list, more, err
}

// revokingRig is a gateway that knows of revocations, and is changed further.
func revokingRig(t *testing.T, away bool, change ...func(*gateway.Config)) (*rig, *gateway.Revocations, *faultyRevocations) {
	t.Helper()
	var revocations *gateway.Revocations
	log := new(faultyRevocations)
	log.away.Store(away)
	r := newRig(t, func(c *gateway.Config) {
		faulty, ok := c.Log.(*faultyLog)
		require.True(t, ok)
		log.RevocationLog = faulty.DB
		revocations = gateway.NewRevocations(t.Context(), log, auth.DefaultLeeway, slog.New(slog.DiscardHandler))
		t.Cleanup(func() { require.NoError(t, revocations.Close()) })
		c.Revocations = revocations
		for _, f := range change {
			f(c)
		}
	})
	return r, revocations, log
}

func issuedAt(t *testing.T, sub string, at time.Time) header {
	t.Helper()
	s, err := auth.SignToken(secret, auth.Claims{Subject: sub, IssuedAt: at, Expires: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	return bearer(s)
}

func TestRevocationEndsStreamsAndRefusesTokens(t *testing.T) {
	t.Parallel()
	r, revocations, _ := revokingRig(t, false)
	old, unknown, other := issuedAt(t, "mina", time.Now()), bearer(token(t, "mina")), issuedAt(t, "zoe", time.Now())
	mina, without, zoe := r.get("/v1/stream", old), r.get("/v1/stream?inbox=false&channel=topic:a", unknown), r.get("/v1/stream", other)
	require.Equal(t, 3, r.openStreams())

	require.NoError(t, r.log.Revoke(t.Context(), "user:mina"))
	revocations.Soon()
	for _, resp := range []*http.Response{mina, without} {
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err, "it ends properly")
		require.Contains(t, string(body), "event: bellhop.expired\n")
	}
	require.Eventually(t, func() bool { return r.openStreams() == 1 }, patience, 5*time.Millisecond)
	require.NoError(t, zoe.Body.Close())
	require.Equal(t, 2, r.counted("bellhop_streams_ended_total", "revoked"))

	for _, given := range []header{old, unknown, issuedAt(t, "mina", time.Now().Add(-time.Hour))} {
		for _, path := range []string{"/v1/stream", "/v1/channels/user:mina/events"} {
			p := problem(t, r.get(path, given), http.StatusUnauthorized)
			require.Equal(t, auth.ErrTokenRevoked.Error(), p["detail"])
		}
		problem(t, r.do(http.MethodPost, "/v1/session", given), http.StatusUnauthorized)
		problem(t, r.get("/v1/stream", cookie(strings.TrimPrefix(given[1], "Bearer "))), http.StatusUnauthorized)
	}
	require.Equal(t, http.StatusOK, r.get("/v1/stream", other).StatusCode)
}

// TestRevocationCoversTheLeeway: a token that was issued before it, by an issuer whose
// clock is as far ahead as it may be, is refused too.
func TestRevocationCoversTheLeeway(t *testing.T) {
	t.Parallel()
	r, revocations, log := revokingRig(t, false)
	ahead := issuedAt(t, "mina", time.Now().Add(auth.DefaultLeeway-time.Second))
	stream := r.get("/v1/stream", ahead)
	require.Equal(t, 1, r.openStreams())
	require.NoError(t, r.log.Revoke(t.Context(), "user:mina"))
	revocations.Soon()
	body, err := io.ReadAll(stream.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "event: bellhop.expired\n")
	p := problem(t, r.get("/v1/stream", ahead), http.StatusUnauthorized)
	require.Equal(t, auth.ErrTokenRevoked.Error(), p["detail"])

	log.early.Store(int64(auth.DefaultLeeway/time.Second) + 10)
	require.NoError(t, r.log.Revoke(t.Context(), "user:zoe"))
	revocations.Soon()
	require.Eventually(t, func() bool { return revocations.Cover("zoe", time.Time{}) }, patience, 5*time.Millisecond)
	require.Equal(t, http.StatusOK, r.get("/v1/stream", issuedAt(t, "zoe", time.Now())).StatusCode, "a newer token is good")
}

// TestLiftedRevocationsLetPeopleInAgain: with the tokens that were refused. A later one
// holds again, and a gateway that starts anew knows as much.
func TestLiftedRevocationsLetPeopleInAgain(t *testing.T) {
	t.Parallel()
	r, revocations, log := revokingRig(t, false)
	old := issuedAt(t, "mina", time.Now())
	covered := func(v *gateway.Revocations, user string) func() bool {
		v.Soon()
		return func() bool { return v.Cover(user, time.Time{}) }
	}
	for range 2 {
		for _, user := range []event.Channel{"user:mina", "user:zoe"} {
			require.NoError(t, r.log.Revoke(t.Context(), user))
			require.Eventually(t, covered(revocations, user.Key()), patience, 5*time.Millisecond)
		}
		problem(t, r.get("/v1/stream", old), http.StatusUnauthorized)
		require.NoError(t, r.log.LiftRevocation(t.Context(), "user:mina"))
		revocations.Soon()
		require.Eventually(t, func() bool { return !revocations.Cover("mina", time.Time{}) }, patience, 5*time.Millisecond)
		require.True(t, revocations.Cover("zoe", time.Time{}), "nobody else")
		require.Equal(t, http.StatusOK, r.get("/v1/stream", old).StatusCode)
	}
	fresh := gateway.NewRevocations(t.Context(), log, auth.DefaultLeeway, slog.New(slog.DiscardHandler))
	defer fresh.Close()
	require.False(t, fresh.Cover("mina", time.Time{}))
	require.True(t, fresh.Cover("zoe", time.Time{}))
}

// TestTokensWaitForTheRevocations: before they were read nobody knows who is
// locked out. That passes, so no cookie is taken away and no client ended for good.
func TestTokensWaitForTheRevocations(t *testing.T) {
	t.Parallel()
	r, revocations, log := revokingRig(t, true)
	person := token(t, "mina")
	for _, given := range []header{bearer(person), cookie(person)} {
		r.refusedBothWays("/v1/stream?channel=topic:a", "unready", given)
		require.Empty(t, r.get("/v1/stream?channel=topic:a", given).Header.Get("Set-Cookie"))
	}
	require.Equal(t, http.StatusOK, r.get("/v1/stream?channel=topic:a").StatusCode, "who is anonymous can't be locked out")
	log.away.Store(false)
	revocations.Soon()
	require.Eventually(t, func() bool {
		s := r.stream("/v1/stream", bearer(person))
		b, _ := s.next()
		s.leave()
		return b.comment == "hi"
	}, patience, 10*time.Millisecond)
	log.away.Store(true)
	revocations.Soon()
	require.Equal(t, http.StatusOK, r.get("/v1/stream", bearer(person)).StatusCode, "what is known stays known")
	require.NoError(t, revocations.Close())
	require.NoError(t, revocations.Close(), "twice")
}
