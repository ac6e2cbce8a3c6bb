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

// TestImageHoldsNoSecretsAndNoRoot: what the Dockerfile and the compose file must
// say; docker/smoke looks at what comes of it.
func TestImageHoldsNoSecretsAndNoRoot(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", name))
		require.NoError(t, err)
		return string(text)
	}
	image := read("Dockerfile")
	final := image[strings.LastIndex(image, "\nFROM ")+1:]
	require.Regexp(t, `(?m)^USER [1-9]\d*(:[1-9]\d*)?$`, final, "a number, which a cluster can check without the image's names")
	require.NotRegexp(t, `(?m)^(ENV|ARG|ADD|RUN)`, final, "the last stage takes the programs and nothing else")
	require.NotRegexp(t, `(?mi)^(ENV|ARG) .*(secret|password|token|key)`, image, "a layer keeps for ever what was put into it")
	ignored := read(".dockerignore")
	require.Regexp(t, `(?m)^\*$`, ignored, "the build sees only what is listed")
	require.NotRegexp(t, `(?m)^!\.(env|git)`, ignored)

	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/...")
	list.Dir = filepath.Join("..", "..", "..")
	packages, err := list.Output()
	require.NoError(t, err)
	for name := range strings.FieldsSeq(string(packages)) {
		if of, ours := strings.CutPrefix(name, "github.com/bellhop/bellhop/"); ours {
			folder, _, _ := strings.Cut(of, "/")
			require.Contains(t, ignored, "\n!"+folder+"/\n", "what %s is built from", name)
		}
	}

	compose := read("docker-compose.yml")
	require.Regexp(t, `read_only: true`, compose)
	require.Regexp(t, `cap_drop: \[ALL\]`, compose)
	require.Regexp(t, `no-new-privileges:true`, compose)
	for _, name := range []string{"JWT_SECRET", "SERVICE_KEYS", "MYSQL_PRIMARY", "MYSQL_REPLICAS"} {
		require.NotRegexp(t, `BELLHOP_`+name+`:`, compose, "a secret comes as a file: variables show in `docker inspect`")
	}
}

// TestImagesArePinnedInOnePlace: what was tried is what runs. Each image has one
// variable and one version, the same wherever it is named.
func TestImagesArePinnedInOnePlace(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", name))
		require.NoError(t, err)
		return string(text)
	}
	version := regexp.MustCompile(`^[a-z\d./-]+:(local|v?\d[\w.-]*|nonroot)(@sha256:[0-9a-f]{64})?$`)
	versions := map[string]string{}
	lines := regexp.MustCompile(`(?m)^ *image: (.*)$`).FindAllStringSubmatch(read("docker-compose.yml"), -1)
	require.NotEmpty(t, lines)
	for _, line := range lines {
		m := regexp.MustCompile(`^\$\{(\w+_IMAGE):-([^}]+)\}$`).FindStringSubmatch(line[1])
		require.NotNil(t, m, line[1])
		require.Regexp(t, version, m[2])
		if other, known := versions[m[1]]; known {
			require.Equal(t, other, m[2], m[1])
		}
		versions[m[1]] = m[2]
		require.Contains(t, read(".env.example"), "\n#"+m[1]+"="+m[2]+"\n")
	}
	stages := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^FROM (?:--platform=\S+ )?(\S+)(?: AS (\S+))?$`).FindAllStringSubmatch(read("Dockerfile"), -1) {
		require.True(t, stages[m[1]] || version.MatchString(m[1]), m[1])
		stages[m[2]] = true
	}
	compiler := regexp.MustCompile(`(?m)^FROM .*golang:(\S+)`).FindStringSubmatch(read("Dockerfile"))
	require.NotNil(t, compiler)
	require.Regexp(t, `(?m)^go `+regexp.QuoteMeta(compiler[1])+`(\.\d+)?$`, read("go.mod"), "the compiler is that of the module")
}
