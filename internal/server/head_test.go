package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
)

// TestHeadIsAnsweredWhereGetIs, without a body, and opens no stream.
func TestHeadIsAnsweredWhereGetIs(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	type list struct{ Body []string }
	huma.Register(s.API, huma.Operation{OperationID: "list", Method: http.MethodGet, Path: "/v1/list"},
		func(context.Context, *struct{}) (*list, error) {
			return &list{Body: []string{strings.Repeat("x", 4096)}}, nil
		})
	huma.Register(s.API, huma.Operation{OperationID: "refused", Method: http.MethodGet, Path: "/v1/refused"},
		func(context.Context, *struct{}) (*list, error) { return nil, NewProblem(http.StatusForbidden, "no") })
	huma.Register(s.API, huma.Operation{
		OperationID: "live", Method: http.MethodGet, Path: "/v1/live",
		Responses: map[string]*huma.Response{"200": {Content: map[string]*huma.MediaType{"text/event-stream": {}}}},
	}, func(context.Context, *struct{}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) { <-ctx.Context().Done() }}, nil
	})
	ln := listen(t)
	start(t, s, ln)
	client := newClient(t, nil)
	ask := func(method, path string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+ln.Addr().String()+path, http.NoBody)
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	for path, status := range map[string]int{
		"/v1/list": http.StatusOK, "/v1/refused": http.StatusForbidden, "/v1/list?x=1": http.StatusBadRequest,
		"/v1/live": http.StatusMethodNotAllowed, "/livez": http.StatusOK, "/openapi.json": http.StatusOK,
	} {
		resp := ask(http.MethodHead, path)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Empty(t, body, path)
		require.Equal(t, status, resp.StatusCode, path)
		if path != "/v1/live" {
			get := ask(http.MethodGet, path)
			require.Equal(t, status, get.StatusCode, path)
			require.Equal(t, get.Header.Get("Content-Type"), resp.Header.Get("Content-Type"), path)
		}
	}
	require.Nil(t, s.API.OpenAPI().Paths["/v1/list"].Head, "it is no call of its own")
}

// TestWeightsOfCodings are read whatever their case.
func TestWeightsOfCodings(t *testing.T) {
	t.Parallel()
	for value, accepted := range map[string]bool{
		"gzip": true, "GZIP;Q=0.5": true, "gzip;q=0.001": true, "br, gzip": true, "gzip ; q=1": true,
		"gzip;Q=0": false, "gzip;q=0.000": false, "gzip; q=0 ": false, "*": false, "identity;q=0": false, "deflate, br": false, "gzipped": false, "": false,
	} {
		require.Equal(t, accepted, acceptsGzip(http.Header{"Accept-Encoding": {value}}), value)
	}
}
