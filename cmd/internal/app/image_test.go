package app

import (
	"os"
	"os/exec"
	"path/filepath"
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
	require.NotContains(t, image+read("docker-compose.yml")+read(".env.example"), ":latest", "what was tried is what runs")
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
