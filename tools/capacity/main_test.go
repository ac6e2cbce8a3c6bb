package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the examples of docs/scaling.md")

// TestExamplesAreWhatTheToolPrints holds the answers in docs/scaling.md to the constants
// of today: each stands below the command that prints it.
func TestExamplesAreWhatTheToolPrints(t *testing.T) {
	const file = "../../docs/scaling.md"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	examples := regexp.MustCompile("(?s)(```sh\nmake capacity ([^\n]+)\n```\n\n```text\n)(.*?)(```\n)")
	n := 0
	is := examples.ReplaceAllFunc(text, func(example []byte) []byte {
		n++
		m := examples.FindSubmatch(example)
		var args []string
		for setting := range strings.FieldsSeq(string(m[2])) {
			name, value, _ := strings.Cut(setting, "=")
			args = append(args, "-"+strings.ToLower(strings.ReplaceAll(name, "_", "-"))+"="+value)
		}
		var out bytes.Buffer
		require.NoError(t, run(args, &out))
		return append(append(append([]byte{}, m[1]...), out.Bytes()...), m[4]...)
	})
	require.Equal(t, 3, n, "the examples of docs/scaling.md")
	if *update {
		require.NoError(t, os.WriteFile(file, is, 0o600))
		return
	}
	require.Equal(t, string(is), string(text), "go test ./tools/capacity -update writes them")
}

func TestBadInputIsNamed(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"-users=many": "users", "-online=2": "online is 2: want more than 0 and at most 1",
		"-days=-1": "days is -1", "-user=1": "not defined", "10000": `what is "10000"?`,
	} {
		var out bytes.Buffer
		require.ErrorContains(t, run([]string{arg}, &out), want)
		require.Empty(t, out.String(), "no plan beside an error")
	}
}

func TestNumbersAreSaidAsWellAsTheyAreKnown(t *testing.T) {
	t.Parallel()
	for n, want := range map[float64]string{0.4: "0", 12: "12", 999: "999", 5787: "5,780", 1e6: "1,000,000", 123456789: "123,000,000"} {
		require.Equal(t, want, count(n))
	}
	require.Equal(t, "9 bytes", size(9))
	require.Equal(t, "2.52 TB", size(2.52e12))
}
