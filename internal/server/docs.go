package server

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	_ "embed"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
)

// serveDocs serves the OpenAPI document and a page that shows it. Both are made
// when they are first asked for, from all that is registered by then. The page
// is plain HTML: the usual viewers load their scripts from a CDN, which a
// gateway in a closed network can't, and a strict content policy should not.
func (s *Server) serveDocs() {
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.API.OpenAPI()) })
	page := sync.OnceValues(func() ([]byte, error) { return renderDocs(s.API.OpenAPI()) })
	s.get("/openapi.json", sayDocument("application/openapi+json", document))
	s.get("/docs", sayDocument("text/html; charset=UTF-8", page))
}

func sayDocument(kind string, document func() ([]byte, error)) echo.HandlerFunc {
	return compress(func(c echo.Context) error {
		b, err := document()
		if err != nil {
			return err
		}
		h, etag := c.Response().Header(), ETag(b)
		h.Set("ETag", etag)
		h.Set("Cache-Control", "no-cache")
		if Unchanged(c.Request(), etag) {
			return c.NoContent(http.StatusNotModified)
		}
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		return c.Blob(http.StatusOK, kind, b)
	})
}

//go:embed docs.html
var docsHTML string

var docsTemplate = template.Must(template.New("docs").
	Funcs(template.FuncMap{"contains": slices.Contains[[]string]}).Parse(docsHTML))

// docsOperation is one operation as the page shows it.
type docsOperation struct {
	*huma.Operation

	Body *huma.Schema // of its JSON body; nil if it has none
}

func renderDocs(api *huma.OpenAPI) ([]byte, error) {
	var ops []docsOperation
	for _, item := range api.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				ops = append(ops, docsOperation{op, bodySchema(api, op)})
			}
		}
	}
	slices.SortFunc(ops, func(a, b docsOperation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	var page bytes.Buffer
	err := docsTemplate.Execute(&page, map[string]any{"Info": api.Info, "Operations": ops})
	return page.Bytes(), err
}

func bodySchema(api *huma.OpenAPI, op *huma.Operation) *huma.Schema {
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return nil
	}
	schema := op.RequestBody.Content["application/json"].Schema
	if schema != nil && schema.Ref != "" {
		return api.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}
