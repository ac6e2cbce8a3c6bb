package nginxtest

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLimitsAreOfOneAddress: one client that asks without restraint is held back,
// and nobody beside it.
func TestLimitsAreOfOneAddress(t *testing.T) {
	t.Parallel()
	e := newEdge(t, []string{addr(newBellhop(t))}, []string{"EDGE_REQUESTS_PER_ADDRESS=1"})
	ask := func(from string) (int, error) {
		resp, err := do(t, http.MethodGet, e.URL()+"/v1/channels/topic:news/events", nil, "X-Forwarded-For", from)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	// All at once, so that the machine's slowness is no restraint.
	const hasty, requests = "192.0.2.1", 30
	statuses, errs := make([]int, requests), make([]error, requests)
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() { statuses[i], errs[i] = ask(hasty) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Contains(t, statuses, http.StatusOK)
	require.Contains(t, statuses, http.StatusTooManyRequests)

	status, err := ask("192.0.2.2")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
}

// TestClientsDoNotNameTheirOwnAddress: only the proxy in front is believed. With
// an address of its own choice for each request a client would have no limit.
func TestClientsDoNotNameTheirOwnAddress(t *testing.T) {
	t.Parallel()
	e := newEdge(t, []string{addr(newBellhop(t))}, []string{
		"EDGE_STREAMS_PER_ADDRESS=2", "EDGE_TRUSTED_PROXY=198.51.100.0/24",
	})
	for i := range 2 {
		w := watch(t, e.URL()+openNews, "X-Forwarded-For", "192.0.2."+strconv.Itoa(i))
		await(t, "the stream is live", func() bool { return w.got("event: bellhop.ready") })
	}
	w := watch(t, e.URL()+openNews, "X-Forwarded-For", "192.0.2.3")
	await(t, "the third one is sent away", func() bool { return w.got("event: bellhop.refused") })
}
