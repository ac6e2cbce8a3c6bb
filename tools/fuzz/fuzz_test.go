package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fuzzed makes the working folder a module with a fuzz test of this body, which
// gets s.
func fuzzed(t *testing.T, least, body string) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("GOFLAGS", "")
	name := "example.test/" + strings.ToLower(t.Name())
	for file, text := range map[string]string{
		"go.mod": "module " + name + "\n\ngo 1.26\n",
		"a_test.go": "package a\n\nimport \"testing\"\n\n" + least + "func FuzzIt(f *testing.F) {\n\tf.Add(\"seed\")\n" +
			"\tf.Fuzz(func(t *testing.T, s string) {\n" + body + "\n\t})\n}\n",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
}

// shortest lets the engine print its progress, which it does every three seconds.
const shortest = 4 * time.Second

func TestASoundTestPassesAndSaysHowMuchItTried(t *testing.T) {
	fuzzed(t, "//fuzz:least 10\n", ``)
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, []string{"./..."}, shortest), &out)
	require.Regexp(t, `^example.test/\S+ FuzzIt: [1-9]\d+ inputs in 4 s: ok\n$`, out.String())
}

func TestAFailureShowsItsLogAndItsInput(t *testing.T) {
	fuzzed(t, "//fuzz:least 10\n", `if len(s) > 9 { t.Fatal("more than nine") }`)
	var out strings.Builder
	require.EqualError(t, run(t.Context(), &out, []string{"./..."}, time.Minute), "1 of 1 tests failed", &out)
	require.Contains(t, out.String(), "more than nine")
	written, err := filepath.Glob("testdata/fuzz/FuzzIt/*")
	require.NoError(t, err)
	require.Len(t, written, 1)
	text, err := os.ReadFile(written[0])
	require.NoError(t, err)
	require.Contains(t, out.String(), "as "+written[0]+" of the package:\n"+string(text))
}

func TestAProcessThatDiesIsAFailure(t *testing.T) {
	fuzzed(t, "//fuzz:least 10\n", `if len(s) > 9 { panic("the end") }`)
	var out strings.Builder
	require.Error(t, run(t.Context(), &out, []string{"./..."}, time.Minute))
	require.Contains(t, out.String(), "the end")
	require.Contains(t, out.String(), "FAILED")
}

func TestATestThatTriesTooLittleIsAFailure(t *testing.T) {
	fuzzed(t, "//fuzz:least 100000000\n", ``)
	var out strings.Builder
	require.Error(t, run(t.Context(), &out, []string{"./..."}, shortest))
	require.Contains(t, out.String(), "FAILED: fewer than 400000000\n")
}

func TestATestSaysHowMuchItIsToTry(t *testing.T) {
	fuzzed(t, "", ``)
	require.EqualError(t, run(t.Context(), new(strings.Builder), []string{"./..."}, shortest),
		"a_test.go: FuzzIt: the line before it is not //fuzz:least N")
}

// The engine would take being stopped in the middle of a call for a failure.
func TestTheEndOfTheTimeIsNoFailure(t *testing.T) {
	fuzzed(t, "//fuzz:least 0\n", `if len(s) != 4 { select {} }`)
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, []string{"./..."}, shortest), &out)
	require.Contains(t, out.String(), "ok\n")
}

func TestProgressIsTheLastLineOfIt(t *testing.T) {
	log := "fuzz: elapsed: 0s, execs: 0 (0/sec)\nfuzz: elapsed: 3s, execs: 12 (4/sec), new interesting: 1 (total: 2)\nfuzz: elapsed: 6s, exe"
	require.Equal(t, 12, tried([]byte(log)))
	require.Zero(t, tried(nil))
}
