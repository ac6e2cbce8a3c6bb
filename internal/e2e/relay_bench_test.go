package e2e

import (
	"bufio"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	backlogRows = 50_000
	backlogTo   = 1000 // people
	trickleRate = 1000 // rows a second
	trickleRows = 10 * trickleRate
	trickleTo   = 12 // rooms
)

// BenchmarkOutbox measures how fast a relay works a backlog off, and how long it takes from
// a commit of the product to the receipt by a client at a thousand rows a second.
func BenchmarkOutbox(b *testing.B) {
	b.Run("backlog", func(b *testing.B) {
		s := newShop(b, 1)
		require.NoError(b, s.relays[0].Stop(shopPatience))
		for first := 0; first < backlogRows; first += 1000 {
			rows := make([]string, 1000)
			for i := range rows {
				rows[i] = "('" + strconv.Itoa((first+i)%backlogTo) + "', 'comment', '{\"post\":7,\"by\":\"mina\",\"text\":\"" + strings.Repeat("x", 100) + "\"}')"
			}
			_, err := s.product0.ExecContext(b.Context(), "INSERT INTO "+outboxTable+" (users, type, data) VALUES "+strings.Join(rows, ","))
			require.NoError(b, err)
		}
		b.ResetTimer() // the start of the program counts
		s.relays[0].Start(b)
		s.takenOver()
		b.ReportMetric(backlogRows/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("trickle", func(b *testing.B) {
		s := newShop(b, 1)
		g := testenv.Run(b, testenv.Build(b, "./cmd/gateway"), append(s.environ(), "BELLHOP_JWT_SECRET="+signingKey)...)
		received := make([]time.Time, trickleRows)
		heard := s.listen(b, g.URL, received)
		<-heard.ready
		committed := make([]time.Time, trickleRows)
		var writers sync.WaitGroup
		for w := range shopWriters {
			writers.Go(func() {
				ticks := time.NewTicker(time.Second * shopWriters / trickleRate)
				defer ticks.Stop()
				for n := w; n < trickleRows; n += shopWriters {
					_, err := s.product0.ExecContext(b.Context(), "INSERT INTO "+outboxTable+" (channels, type, data) VALUES (?, 'sold', ?)",
						"room:"+strconv.Itoa(n%trickleTo), strconv.Itoa(n))
					if err != nil {
						b.Error(err)
						return
					}
					committed[n] = time.Now()
					<-ticks.C
				}
			})
		}
		began := time.Now()
		writers.Wait()
		rate := trickleRows / time.Since(began).Seconds()
		<-heard.done
		ages := make([]time.Duration, trickleRows)
		for n := range ages {
			ages[n] = received[n].Sub(committed[n])
		}
		slices.Sort(ages)
		b.ReportMetric(rate, "rows/s")
		b.ReportMetric(float64(ages[trickleRows/2].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(ages[trickleRows*99/100].Milliseconds()), "p99-ms")
		b.ReportMetric(float64(ages[trickleRows-1].Milliseconds()), "max-ms")
	})
}

// hearing is a stream of the rooms: ready once it is open, done once all came.
type hearing struct{ ready, done chan struct{} }

var soldEvent = regexp.MustCompile(`"type":"sold".*"data":(\d+)`)

func (s *shop) listen(b *testing.B, gateway string, received []time.Time) hearing {
	b.Helper()
	token, err := auth.SignToken(signingKey, auth.Claims{Subject: "listener", Channels: []string{"room:*"}, Expires: time.Now().Add(time.Hour)})
	require.NoError(b, err)
	query := make([]string, trickleTo)
	for i := range query {
		query[i] = "channel=room:" + strconv.Itoa(i)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, gateway+"/v1/stream?"+strings.Join(query, "&"), http.NoBody)
	require.NoError(b, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, resp.StatusCode)
	h := hearing{make(chan struct{}), make(chan struct{})}
	go func() {
		defer resp.Body.Close()
		lines, left := bufio.NewScanner(resp.Body), len(received)
		for left > 0 && lines.Scan() {
			if strings.Contains(lines.Text(), "bellhop.ready") {
				close(h.ready)
			} else if m := soldEvent.FindStringSubmatch(lines.Text()); m != nil {
				n, _ := strconv.Atoi(m[1])
				received[n] = time.Now()
				left--
			}
		}
		close(h.done)
	}()
	return h
}
