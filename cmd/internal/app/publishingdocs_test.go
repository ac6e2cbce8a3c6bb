package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const publishing = "docs/publishing.md"

// codeBlocks are the blocks of a page in one language.
func codeBlocks(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", page))
	require.NoError(t, err)
	return codeIn(t, string(text), language)
}

// codeIn are those of a part of a page.
func codeIn(t *testing.T, text, language string) (blocks []string) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, m[1])
	}
	require.NotEmpty(t, blocks, language)
	return blocks
}

// TestExamplesOfPublishingRun runs docs/publishing.md in all its languages, each in a
// folder beside the clone. Each of them publishes under a key of its own, twice, and
// is told the same seq the second time.
func TestExamplesOfPublishingRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := startBellhop(t, "--sqlite="+filepath.Join(dir, "bellhop.db"))
	eventuallyReady(t, h.Service)
	installIn(t, dir, h)
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	beside := t.TempDir()
	require.NoError(t, os.Symlink(root, filepath.Join(beside, "bellhop")))
	shell := codeBlocks(t, publishing, "sh")
	require.Len(t, shell, 3)
	for _, tt := range []struct{ name, file, code, prepare, run string }{
		{"curl", "publish.sh", shell[1], "", "sh publish.sh"},
		// What the client needs is here: nobody else may be asked for it.
		{"Go", "main.go", codeBlocks(t, publishing, "go")[0], "export GOPROXY=off GOSUMDB=off GOFLAGS=\n" + shell[2], "go run ."},
		{"Node.js", "publish.mjs", codeBlocks(t, publishing, "js")[0], "", "node publish.mjs"},
		{"Python", "publish.py", codeBlocks(t, publishing, "python")[0], "", "python3 publish.py"},
		{"Java", "Bellhop.java", codeBlocks(t, publishing, "java")[0], "", "java Bellhop.java"},
		{"PHP", "publish.php", codeBlocks(t, publishing, "php")[0], "", "php publish.php"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(beside, tt.name)
			require.NoError(t, os.Mkdir(folder, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(folder, tt.file), []byte(tt.code), 0o600))
			out := inFolder(t, dir, shell[0]+"cd '"+folder+"'\n"+tt.prepare+"\n"+tt.run+"\necho; echo AGAIN\n"+tt.run+"\n")
			first, second, ok := strings.Cut(out, "AGAIN\n")
			require.True(t, ok)
			said := regexp.MustCompile(`kept as \d+\n|"seq":\d+`)
			require.Regexp(t, said, first)
			require.Equal(t, said.FindString(first), said.FindString(second), "it is replayed")
		})
	}
}

// TestSpringClassesCompile as they are printed, in one package with the class that
// publishes.
func TestSpringClassesCompile(t *testing.T) {
	t.Parallel()
	java := codeBlocks(t, publishing, "java")[:3]
	standIns, err := os.ReadFile(filepath.Join("testdata", "spring.java.txt"))
	require.NoError(t, err)
	_, names, _ := strings.Cut(string(standIns), "\npackage ")
	sources := append(strings.Split(names, "\npackage "), "shop;\n"+java[0])
	for _, class := range java[1:] {
		sources = append(sources, strings.TrimPrefix(class, "package "))
	}
	dir := t.TempDir()
	named := regexp.MustCompile(`public (?:final |abstract )?(?:class|@?interface|enum) (\w+)`)
	args := []string{"-Werror", "-d", filepath.Join(dir, "classes")}
	for _, source := range sources {
		name := named.FindStringSubmatch(source)
		require.NotNil(t, name, source)
		file := filepath.Join(dir, name[1]+".java")
		require.NoFileExists(t, file)
		require.NoError(t, os.WriteFile(file, []byte("package "+source), 0o600))
		args = append(args, file)
	}
	out, err := exec.CommandContext(t.Context(), "javac", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestExamplesRepeatWhatTheRuleSays, and nothing else.
func TestExamplesRepeatWhatTheRuleSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", publishing))
	require.NoError(t, err)
	require.Contains(t, string(text), "the status is 408, 409, 429 or 500 and above")
	require.Contains(t, string(text), "**408, 409, 429, 500 and above**")
	for _, language := range []string{"js", "python", "java", "php"} {
		code := codeBlocks(t, publishing, language)[0]
		require.Regexp(t, `status >= 500\b`, code, language)
		require.Regexp(t, `[\[(]408, 409, 429[\])]`, code, language)
	}
}
