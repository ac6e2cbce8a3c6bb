package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shellBlocks are the commands of a page, those aside that need the repository, or a
// release, which others try.
func shellBlocks(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", page))
	require.NoError(t, err)
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(m[1], "make ") && !strings.HasPrefix(m[1], "VERSION=") {
			blocks = append(blocks, m[1])
		}
	}
	require.NotEmpty(t, blocks, page)
	return blocks
}

// installIn puts bin/bellhop into the folder where h runs, as make leaves it there.
func installIn(t *testing.T, dir string, h *hotel) {
	t.Helper()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	script := fmt.Sprintf("#!/bin/sh\n%s=bellhop BELLHOP_LISTEN=%s exec %s \"$@\"\n", asProgram, h.public.Addr(), self)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bin", "bellhop"), []byte(script), 0o700))
}

// TestCommandsOfTheDocsRun runs what README.md and docs/api.md tell people to
// run, in a folder where bellhop was started, as one shell session for each page.
func TestCommandsOfTheDocsRun(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "docs/api.md"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			h := startBellhop(t, "--sqlite="+filepath.Join(dir, "bellhop.db"))
			eventuallyReady(t, h.Service)
			installIn(t, dir, h)

			// A reader ends a stream with Ctrl-C; here a second is enough.
			session := `set -eu
curl() {
  case "$*" in
  *--no-buffer*) command curl --max-time 1 "$@" || test $? = 28 ;;
  *) command curl "$@" ;;
  esac
  echo
}
` + strings.Join(shellBlocks(t, page), "\n")

			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, "sh", "-c", session)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s\n%s", session, out)
			for _, answer := range answersOf(t, page) {
				require.Contains(t, jsonLines(string(out)), answer)
			}
			if page == "docs/api.md" {
				require.Contains(t, string(out), `data: {"channel":"room:7","seq":1,`, "the stream has what was published first")
			}
			require.Contains(t, string(out), `{"events":[{"channel":"user:42","seq":1}`)
			require.Contains(t, string(out), "event: bellhop.ready")
			require.Contains(t, string(out), `"data":{"post":7,"by":"mina"}`)
		})
	}
}

// answersOf are the answers that a page prints, those aside that tell the time.
func answersOf(t *testing.T, page string) (answers []any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", page))
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		answer := jsonLines(strings.ReplaceAll(m[1], "\n", ""))
		require.Len(t, answer, 1, m[1])
		if regexp.MustCompile(`"(events|results|removed)":`).MatchString(m[1]) {
			answers = append(answers, answer...)
		}
	}
	return answers
}

// jsonLines are the lines of a text that are JSON.
func jsonLines(text string) (values []any) {
	for line := range strings.Lines(text) {
		var value any
		if json.Unmarshal([]byte(line), &value) == nil {
			values = append(values, value)
		}
	}
	return values
}

// TestStatusesAreExplained: what the API can refuse with is in docs/api.md.
func TestStatusesAreExplained(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(h.URL() + "/openapi.json")
	require.NoError(t, err)
	defer resp.Body.Close()
	reference, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "api.md"))
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(page), "\n| status | meaning |\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	explained := regexp.MustCompile(`\b[45]\d\d\b`).FindAllString(regexp.MustCompile(`(?m)^\| ([\d, ]+) \|.*$`).ReplaceAllString(table, "$1"), -1)
	used := regexp.MustCompile(`"([45]\d\d)":`).FindAllStringSubmatch(string(reference), -1)
	require.NotEmpty(t, used)
	for _, m := range used {
		require.Contains(t, explained, m[1])
	}
	for _, status := range []string{"404", "405", "408"} { // of paths, and of all calls with a body
		require.Contains(t, explained, status)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
)

// TestLinksOfTheDocsLeadSomewhere: to a file, and to a heading of it.
func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "SECURITY.md")) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
			to, anchor := page, strings.TrimPrefix(m[2], "#")
			switch {
			case strings.Contains(m[1], "://"):
				continue
			case m[1] != "":
				to = filepath.Join(filepath.Dir(page), m[1])
			}
			_, err := os.Stat(to)
			require.NoError(t, err, "a link of %s leads nowhere", page)
			if anchor != "" {
				require.Contains(t, anchors(t, to), anchor, "a link of %s", page)
			}
		}
	}
}

// anchors are the headings of a page as links name them.
func anchors(t *testing.T, page string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
		names = append(names, strings.ReplaceAll(plain.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return names
}

// TestEveryPageIsInTheReadme, which is where people look for it.
func TestEveryPageIsInTheReadme(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, page := range pages {
		require.Contains(t, string(readme), "* [docs/"+filepath.Base(page)+"]")
	}
}
