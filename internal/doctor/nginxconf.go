package doctor

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// directive is one of an Nginx configuration, with what stands in its braces.
type directive struct {
	name   string
	args   []string
	inside []*directive
	within *directive // nil: at the top
}

// maxIncludes bounds how deep files include each other.
const maxIncludes = 20

var errNginx = errors.New("is no configuration of Nginx")

// readNginx reads the configuration in a file: what nginx -T printed, or nginx.conf, whose
// includes are read from the disk.
func readNginx(file string) (*directive, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator says which file
	if err != nil {
		return nil, err
	}
	c := nginxFiles{dir: filepath.Dir(file), printed: map[string]string{}}
	const mark = "# configuration file "
	begin := string(text)
	for i, part := range strings.Split("\n"+begin, "\n"+mark) {
		if i == 0 {
			continue
		}
		name, body, _ := strings.Cut(part, ":\n")
		if i == 1 {
			begin, c.dir = body, path.Dir(name)
		}
		c.printed[name] = body
	}
	top := new(directive)
	return top, c.parse(top, begin, 0)
}

type nginxFiles struct {
	dir     string            // that relative paths begin in
	printed map[string]string // empty: they are on the disk
}

// parse adds the directives of a text.
func (c *nginxFiles) parse(into *directive, text string, depth int) error {
	at, words := into, []string(nil)
	for word, quoted := range nginxWords(text) {
		switch {
		case quoted || !slices.Contains([]string{";", "{", "}"}, word):
			words = append(words, word)
			continue
		case word == "}":
			if at == into || len(words) > 0 {
				return errNginx
			}
			at = at.within
			continue
		case len(words) == 0:
			return errNginx
		}
		d := &directive{name: words[0], args: words[1:], within: at}
		words = nil
		if word == ";" && d.name == "include" && len(d.args) == 1 {
			if err := c.include(at, d.args[0], depth+1); err != nil {
				return err
			}
			continue
		}
		at.inside = append(at.inside, d)
		if word == "{" {
			at = d
		}
	}
	if at != into || len(words) > 0 {
		return errNginx
	}
	return nil
}

func (c *nginxFiles) include(into *directive, pattern string, depth int) error {
	if depth > maxIncludes {
		return fmt.Errorf("%w: files include each other", errNginx)
	}
	if !path.IsAbs(pattern) {
		pattern = path.Join(c.dir, pattern)
	}
	if len(c.printed) == 0 {
		files, err := filepath.Glob(pattern)
		for _, file := range files {
			text, readErr := os.ReadFile(file) //nolint:gosec // the configuration says which file
			if err = errors.Join(err, readErr); err == nil {
				err = c.parse(into, string(text), depth)
			}
		}
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.printed)) {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			if err := c.parse(into, c.printed[name], depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// nginxToken is a comment, a mark, a word in quotes, or another word, in which the braces of
// a variable are no marks.
var nginxToken = regexp.MustCompile(`#[^\n]*|[;{}]|"((?:\\["'\\]|[^"])*)"?|'((?:\\["'\\]|[^'])*)'?|` +
	`(?:\\["'\\]|\$\{(?:[^ \t\r\n;{}]*\})?|[^ \t\r\n;{}])+`)

var nginxEscapes = strings.NewReplacer(`\"`, `"`, `\'`, `'`, `\\`, `\`)

// nginxWords are the words and marks of a configuration; quoted ones are no marks.
func nginxWords(text string) iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		for _, m := range nginxToken.FindAllStringSubmatch(text, -1) {
			word, quoted := m[0], m[0][0] == '"' || m[0][0] == '\''
			if quoted {
				word = m[1] + m[2]
			}
			if m[0][0] != '#' && !yield(nginxEscapes.Replace(word), quoted) {
				return
			}
		}
	}
}
