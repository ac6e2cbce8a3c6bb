package server

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
)

// ParseQuery reads a query for which the parameters of an operation are known, and
// refuses what they say nothing of: whoever sent it meant something, and would get
// the answer to another question. net/http passes over what is not well encoded,
// and huma over names.
func ParseQuery(raw string, params []*huma.Param) (url.Values, *Problem) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, NewProblem(http.StatusBadRequest, "the query is not well encoded: want name=value, joined by &, and %XX for what has a meaning there")
	}
	known := make(map[string]*huma.Param)
	for _, p := range params {
		if p.In == "query" {
			known[p.Name] = p
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if known[name] == nil {
			return nil, NewProblem(http.StatusBadRequest, unknownName(name, known))
		}
	}
	return values, nil
}

// checkQuery is a middleware of typed operations: those take each name once, and a text
// or a list may be empty. Huma would take an empty number or flag for one left out.
func checkQuery(ctx huma.Context, next func(huma.Context)) {
	c, params := humaecho.Unwrap(ctx), ctx.Operation().Parameters
	if c.Request().URL.RawQuery == "" {
		next(ctx) // the usual case costs nothing
		return
	}
	values, problem := ParseQuery(c.Request().URL.RawQuery, params)
	for _, p := range params {
		switch given := values[p.Name]; {
		case p.In != "query" || len(given) == 0:
		case len(given) > 1:
			problem = NewProblem(http.StatusBadRequest, p.Name+" is given twice: write "+howToWrite(p))
		case given[0] == "" && p.Schema.Type != huma.TypeString && p.Schema.Type != huma.TypeArray:
			problem = NewProblem(http.StatusBadRequest, p.Name+" has no value: leave it out, or write "+howToWrite(p))
		}
	}
	if problem != nil {
		_ = problem.Write(c.Response(), c.Request()) // an error: nobody is there to tell
		return
	}
	next(ctx)
}

// describeQueryErrors says of each operation what checkQuery may answer.
func describeQueryErrors(_ *huma.OpenAPI, op *huma.Operation) {
	const status = "400"
	for _, r := range op.Responses {
		if content := r.Content[ProblemType]; content != nil && op.Responses[status] == nil {
			op.Responses[status] = &huma.Response{Description: http.StatusText(http.StatusBadRequest), Content: r.Content}
			return
		}
	}
}

// howToWrite says how a parameter gets its value, or several.
func howToWrite(p *huma.Param) string {
	switch {
	case p.Schema.Type != huma.TypeArray:
		return p.Name + "=VALUE"
	case p.Explode != nil && !*p.Explode:
		return p.Name + "=A,B"
	}
	return p.Name + ", once for each value"
}

// unknownName says what is wrong with a name, and which one was probably meant.
func unknownName(name string, params map[string]*huma.Param) string {
	known := slices.Sorted(maps.Keys(params))
	shown := name
	if len(name) > maxName || !only(name, "_-[]") {
		shown = "a name that is not known" // it may be a token
	}
	base, _, brackets := strings.Cut(name, "[")
	switch like := closest(base, known); {
	case brackets && like != "":
		return shown + ": write " + howToWrite(params[like])
	case like != "":
		return shown + ": there is no such parameter; did you mean " + like + "?"
	case len(known) == 0:
		return shown + ": this call takes no parameters"
	default:
		return shown + ": there is no such parameter; known are " + strings.Join(known, ", ")
	}
}

// maxName is the longest name that is looked at and repeated.
const maxName = 32

// closest is the known name that differs from this one by its spelling or by few
// letters, or empty.
func closest(name string, known []string) string {
	if len(name) > maxName {
		return ""
	}
	spell := func(s string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)) }
	best, least := "", 0
	for _, k := range known {
		if d := distance(spell(name), spell(k)); d <= len(k)/3 && (best == "" || d < least) {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters have to be added, left out or replaced to make b of
// a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}
