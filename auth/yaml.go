package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// maxYAML bounds what is read of a file, in bytes: room for hundreds of namespaces,
// and no surprise when the path names something else. The library's time grows with
// the square of how deep a text nests.
const maxYAML = 64 << 10

// loadYAML has a file parsed. Errors begin with what the file is; kind is what the one of
// a file that is too long wraps.
func loadYAML[T any](path, what string, kind error, parse func([]byte) (T, error)) (none T, err error) {
	f, err := os.Open(path) //nolint:gosec // the operator says which file
	if err != nil {
		return none, fmt.Errorf("%s: %w", what, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxYAML+1))
	switch {
	case err != nil:
		return none, fmt.Errorf("%s: %w", what, err)
	case len(text) > maxYAML:
		return none, fmt.Errorf("%s: %s: %w: longer than %d bytes", what, path, kind, maxYAML)
	}
	parsed, err := parse(text)
	if err != nil {
		return none, fmt.Errorf("%s %s: %w", what, path, err)
	}
	return parsed, nil
}

// decodeYAML decodes the one document of a text. A key or value that is not known
// is an error that wraps kind and says in which line it stands.
func decodeYAML(text []byte, into any, kind error) error {
	dec := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	var wrong yaml.Error
	switch err := dec.Decode(into); {
	case err == nil || errors.Is(err, io.EOF):
	case errors.As(err, &wrong) && wrong.GetToken() != nil:
		// The library would print the neighbouring lines of the file as well, and
		// quotes names as they are, with what is a new line or a colour to a terminal.
		printable := strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return unicode.ReplacementChar
		}, wrong.GetMessage())
		return atLine(wrong.GetToken().Position.Line, kind, printable)
	default:
		return fmt.Errorf("%w: %w", kind, err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: want one document", kind)
	}
	return nil
}

// located is a value that knows its line, zero if the file left it out.
type located[T any] struct {
	value T
	line  int
}

// UnmarshalYAML makes located a yaml.NodeUnmarshaler: the only kind that is
// told where it stands.
func (l *located[T]) UnmarshalYAML(node ast.Node) error {
	l.line = node.GetToken().Position.Line
	if _, alias := node.(*ast.AliasNode); alias {
		// The node alone does not know what the alias stands for.
		return fmt.Errorf("line %d: aliases are not supported here", l.line)
	}
	return yaml.NodeToValue(node, &l.value, yaml.Strict())
}

func atLine(line int, kind error, what string) error {
	return fmt.Errorf("line %d: %w: %s", line, kind, what)
}
