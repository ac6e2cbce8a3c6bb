package config

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// file writes a file of a test.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestSecretsAreReadFromFiles(t *testing.T) {
	t.Parallel()
	var g Gateway
	result, err := Parse(&g, nil, []string{
		"BELLHOP_MYSQL_PRIMARY_FILE=" + file(t, goodDSN+"\n"),
		"BELLHOP_MYSQL_REPLICAS_FILE=" + file(t, goodDSN+"\n"+goodDSN+"\n"),
		"BELLHOP_REDIS_FILE=" + file(t, goodRedis),
		"BELLHOP_JWT_SECRET_FILE=" + file(t, goodSecret+"\r\nnew-"+goodSecret+"\r\n"),
		"BELLHOP_LISTEN_FILE=" + file(t, ":80"),
	}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, goodDSN, g.MySQLPrimary.Reveal())
	require.Equal(t, []string{goodDSN, goodDSN}, g.Replicas())
	require.Equal(t, goodRedis, g.Redis.Redis.Reveal())
	require.Equal(t, []string{goodSecret, "new-" + goodSecret}, g.TokenConfig().Issuers[0].Secrets)
	require.Equal(t, []string{"BELLHOP_LISTEN_FILE"}, result.Unknown, "what is no secret stands in no file")

	var n Notifier
	_, err = Parse(&n, nil, []string{
		"BELLHOP_MYSQL_PRIMARY=" + goodDSN, "BELLHOP_REDIS=" + goodRedis,
		"BELLHOP_SERVICE_KEYS_FILE=" + file(t, "forum=abcdefghijklmnop\nshop@topic=ponmlkjihgfedcba\n"),
	}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, 2, n.Keys().Len())
}

func TestFlagWinsOverTheFileOfASecret(t *testing.T) {
	t.Parallel()
	var g Gateway
	_, err := Parse(&g, []string{"--redis=redis://flag:6379"}, []string{
		"BELLHOP_MYSQL_PRIMARY=" + goodDSN, "BELLHOP_JWT_SECRET=" + goodSecret,
		"BELLHOP_REDIS_FILE=" + file(t, goodRedis),
	}, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "redis://flag:6379", g.Redis.Redis.Reveal())
}

func TestWrongSecretFilesAreOneLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ path, more, want string }{
		{"/nowhere", "", "BELLHOP_JWT_SECRET_FILE: open /nowhere: no such file or directory"},
		{t.TempDir(), "", "is a directory"},
		{file(t, " \n\n"), "", "BELLHOP_JWT_SECRET_FILE: the file is empty"},
		{file(t, strings.Repeat("hunter2", maxSecretFile)), "", "too large"},
		{file(t, "hunter2"), "", "a secret has at least 32 bytes"},
		{file(t, goodSecret), "BELLHOP_JWT_SECRET=" + goodSecret, "is set twice, by itself and by BELLHOP_JWT_SECRET_FILE"},
	} {
		_, err := Parse(&Gateway{}, nil, []string{
			"BELLHOP_MYSQL_PRIMARY=" + goodDSN, "BELLHOP_REDIS=" + goodRedis, "BELLHOP_JWT_SECRET_FILE=" + tt.path, tt.more,
		}, io.Discard)
		var wrong SettingErrors
		require.ErrorAs(t, err, &wrong)
		require.Len(t, wrong, 1)
		require.Contains(t, wrong[0], "--jwt-secret (BELLHOP_JWT_SECRET): ")
		require.Contains(t, wrong[0], tt.want)
		require.NotContains(t, wrong[0], "hunter2")
		require.NotContains(t, wrong[0], goodSecret)
	}
}

// TestHelpShowsNoSecret: help may be asked for where secrets are set.
func TestHelpShowsNoSecret(t *testing.T) {
	t.Parallel()
	for _, program := range []Program{&Gateway{}, &Notifier{}, &Bellhop{}} {
		var help bytes.Buffer
		_, err := Parse(program, []string{"--help"}, append(goodGateway(), goodNotifier()...), &help)
		require.ErrorIs(t, err, ErrHelp)
		for _, secret := range []string{goodSecret, "pa:ss", ":pw@", "abcdefghijklmnop"} {
			require.NotContains(t, help.String(), secret)
		}
	}
}
