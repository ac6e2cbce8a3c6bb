package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestStormOfReturningClientsAsksLittle: five thousand clients come back at once
// to a gateway that held none of their channels, each having missed two events.
func TestStormOfReturningClientsAsksLittle(t *testing.T) {
	const clients, missed = 5000, 2
	f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 1)
	channels := make([]string, clients)
	for i := range channels {
		channels[i] = fmt.Sprintf(`"user:storm-%d"`, i)
	}
	for n := range missed {
		for part := range 5 {
			f.post(t, fmt.Sprintf(`{"channels":[%s],"type":"note","data":{"n":%d}}`, strings.Join(channels[part*1000:(part+1)*1000], ","), n))
		}
	}
	var epoch event.Epoch
	require.NoError(t, f.cluster.Primary.Admin().QueryRow("SELECT epoch FROM `"+f.database+"`.meta").Scan(&epoch))
	before := f.questions(t)
	addr := strings.TrimPrefix(f.gateways[0].url, "http://")
	var group errgroup.Group
	group.SetLimit(500)
	for i := range clients {
		group.Go(func() error {
			s, err := openRaw(addr, "", fmt.Sprintf("storm-%d", i), fmt.Sprintf("0.%s@user:storm-%d", epoch, i))
			if s != nil {
				defer s.conn.Close()
			}
			if err != nil {
				return err
			}
			if s.events != missed {
				return fmt.Errorf("client %d got %d events before its ready", i, s.events)
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	after := f.questions(t)
	t.Logf("%d statements for %d clients", after-before, clients)
	require.Less(t, after-before, 500)
}

// questions counts the statements that both servers have been asked.
func (f *fleet) questions(tb testing.TB) int {
	tb.Helper()
	sum := 0
	for _, s := range []*testenv.SQLServer{f.cluster.Primary, f.cluster.Replica} {
		var name string
		var n int
		require.NoError(tb, s.Admin().QueryRow("SHOW GLOBAL STATUS LIKE 'Questions'").Scan(&name, &n))
		sum += n
	}
	return sum
}

// publish sends one event and expects it to be taken.
func (f *fleet) publish(tb testing.TB, ch event.Channel, data string) {
	tb.Helper()
	f.post(tb, fmt.Sprintf(`{"channels":[%q],"type":"note","data":%s}`, ch, data))
}

func (f *fleet) post(tb testing.TB, body string) {
	tb.Helper()
	f.postTo(tb, "/v1/events", body)
}

func (f *fleet) postTo(tb testing.TB, path, body string) {
	tb.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, f.notifier.url+path, strings.NewReader(body))
	require.NoError(tb, err)
	req.Header.Set("Authorization", "Bearer "+serviceKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(tb, err)
	defer resp.Body.Close()
	require.Contains(tb, []int{http.StatusCreated, http.StatusOK}, resp.StatusCode)
}
