package e2e

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

var epochClients = flag.Int("epoch.clients", 2000, "clients that come back at once with positions of another epoch")

// TestClientsAfterANewEpochAreNotFlooded: all of them come at once with positions of
// the life that is over, and each is told to fetch anew. Those who ask for a replay
// get what everybody got otherwise. The gateway is a process of its own, for both
// ends of 10,000 connections are more descriptors than one may have.
func TestClientsAfterANewEpochAreNotFlooded(t *testing.T) {
	const retained = 30
	clients := *epochClients
	f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 0)
	gateway := f.gatewayProcess(t, "BELLHOP_MAX_RATE_PER_ADDRESS=0", "BELLHOP_MAX_STREAMS_PER_ADDRESS=0")
	const atATime = 64 // as many new ones as a gateway lets in
	name := func(i int) string { return fmt.Sprintf("epoch-%d", i) }
	for range retained {
		for first := 0; first < clients; first += 1000 {
			var channels []string
			for i := first; i < min(first+1000, clients); i++ {
				channels = append(channels, fmt.Sprintf("%q", "user:"+name(i)))
			}
			f.post(t, `{"channels":[`+strings.Join(channels, ",")+`],"type":"note","data":{"text":"`+strings.Repeat("x", 200)+`"}}`)
		}
	}
	come := func(query string) (bytes, events int) {
		open := make([]*rawStream, clients)
		var dials errgroup.Group
		dials.SetLimit(atATime)
		began := time.Now()
		for i := range open {
			dials.Go(func() (err error) {
				cursor := fmt.Sprintf("%d.another@user:%s", retained, name(i))
				open[i], err = openRaw(strings.TrimPrefix(gateway.URL, "http://"), query, name(i), cursor)
				return err
			})
		}
		err := dials.Wait()
		took := time.Since(began)
		for _, s := range open {
			if s != nil {
				bytes, events = bytes+s.bytes, events+s.events
				_ = s.conn.Close()
			}
		}
		require.NoError(t, err)
		t.Logf("%q: %d clients, %d bytes, %d events, %v", query, clients, bytes, events, took)
		return bytes, events
	}
	told, none := come("") // first, while the gateway knows nobody yet
	require.Zero(t, none)
	replayed, all := come("?reset=replay")
	require.Equal(t, clients*retained, all)
	require.Less(t, told*5, replayed)
}
