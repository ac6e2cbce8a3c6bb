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
	s.get("/openapi.json", func(c echo.Context) error {
		b, err := document()
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "application/openapi+json", b)
	})
	s.get("/docs", func(c echo.Context) error {
		b, err := page()
		if err != nil {
			return err
		}
		c.Response().Header().Set("Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		return c.HTMLBlob(http.StatusOK, b)
	})
}

//go:embed docs.html
var docsHTML string

var docsTemplate = template.Must(template.New("docs").Parse(docsHTML))

// docsOperation is one operation as the page shows it.
type docsOperation struct {
	Method, Path string
	*huma.Operation
	Body     []docsField
	Statuses []docsStatus
}

// docsField is a member of a request's body.
type docsField struct {
	Name, Description string
	Required          bool
}

type docsStatus struct{ Code, Description string }

func renderDocs(api *huma.OpenAPI) ([]byte, error) {
	var ops []docsOperation
	for path, item := range api.Paths {
		for method, op := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
			http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if op == nil {
				continue
			}
			o := docsOperation{Method: method, Path: path, Operation: op, Body: bodyFields(api, op)}
			for code, r := range op.Responses {
				o.Statuses = append(o.Statuses, docsStatus{code, r.Description})
			}
			slices.SortFunc(o.Statuses, func(a, b docsStatus) int { return strings.Compare(a.Code, b.Code) })
			ops = append(ops, o)
		}
	}
	slices.SortFunc(ops, func(a, b docsOperation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	var page bytes.Buffer
	err := docsTemplate.Execute(&page, map[string]any{"Info": api.Info, "Operations": ops})
	return page.Bytes(), err
}

// bodyFields lists the members of an operation's JSON body, the required ones
// first.
func bodyFields(api *huma.OpenAPI, op *huma.Operation) []docsField {
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return nil
	}
	schema := op.RequestBody.Content["application/json"].Schema
	if schema != nil && schema.Ref != "" {
		schema = api.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	if schema == nil {
		return nil
	}
	fields := make([]docsField, 0, len(schema.Properties))
	for name, property := range schema.Properties {
		fields = append(fields, docsField{name, property.Description, slices.Contains(schema.Required, name)})
	}
	slices.SortFunc(fields, func(a, b docsField) int {
		if a.Required != b.Required {
			return map[bool]int{true: -1, false: 1}[a.Required]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return fields
}
