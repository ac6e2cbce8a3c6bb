package notifier

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestServiceThatSendsTooFast is told so, and harms no other.
func TestServiceThatSendsTooFast(t *testing.T) {
	t.Parallel()
	a := newSQLiteAPI(t, func(c *Config) { c.ServiceRate = 1 }) // five at once
	refused := 0
	for range 20 {
		w := a.do(http.MethodPost, "/v1/events", "{") // costs nothing but its place
		if w.Code != http.StatusTooManyRequests {
			require.Equal(t, http.StatusBadRequest, w.Code)
			continue
		}
		refused++
		require.NotEmpty(t, w.Header().Get("Retry-After"))
		require.Contains(t, w.Body.String(), `"written":false`)
	}
	require.GreaterOrEqual(t, refused, 10)
	w := a.do(http.MethodPost, "/v1/events", `{"channels":["topic:1"],"type":"x","data":1}`, "Authorization", "Bearer topics")
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
}
