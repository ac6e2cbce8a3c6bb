package auth_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

func TestServiceKeys(t *testing.T) {
	t.Parallel()
	keys, err := auth.ParseServiceKeys("shop=s3cret, news@topic+room=a=b==, ops@admin=root1,mix@raffle+admin=m,shop@user=next")
	require.NoError(t, err)
	require.Equal(t, 5, keys.Len())

	shop, ok := keys.Verify("s3cret")
	require.True(t, ok)
	require.Equal(t, "shop", shop.Name)
	require.True(t, shop.MayPublish("user"))
	require.True(t, shop.MayPublish("anything"))
	require.False(t, shop.Admin, "a key without namespaces has not the admin right")

	news, ok := keys.Verify("a=b==")
	require.True(t, ok, "only the first '=' ends the name")
	require.Equal(t, "news", news.Name)
	require.True(t, news.MayPublish("topic"))
	require.True(t, news.MayPublish("room"))
	require.False(t, news.MayPublish("user"))

	ops, ok := keys.Verify("root1")
	require.True(t, ok)
	require.True(t, ops.Admin)
	require.False(t, ops.MayPublish("user"))
	require.False(t, ops.MayPublish("admin"))

	mix, ok := keys.Verify("m")
	require.True(t, ok)
	require.True(t, mix.Admin)
	require.True(t, mix.MayPublish("raffle"))

	rotated, ok := keys.Verify("next")
	require.True(t, ok, "a name may have several secrets")
	require.Equal(t, "shop", rotated.Name)
	require.False(t, rotated.MayPublish("topic"), "rights belong to the secret, not to the name")

	for _, wrong := range []string{"", "S3cret", "s3cret ", "s3cre", "shop", "shop=s3cret"} {
		who, ok := keys.Verify(wrong)
		require.False(t, ok, wrong)
		require.Equal(t, auth.Service{}, who)
	}
}

func TestNoServiceKeys(t *testing.T) {
	t.Parallel()
	keys, err := auth.ParseServiceKeys(" ")
	require.NoError(t, err)
	require.Zero(t, keys.Len())
	_, ok := keys.Verify("")
	require.False(t, ok)
	require.False(t, auth.Service{}.MayPublish("user"))
}

func TestServiceKeysRefused(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"no secret at all":    "HUSH",
		"empty secret":        "shop=",
		"empty name":          "=HUSH",
		"blank in the name":   "my shop=HUSH",
		"name too long":       strings.Repeat("n", 65) + "=HUSH",
		"empty item":          "shop=HUSH,,news=b",
		"empty namespace":     "shop@=HUSH",
		"bad namespace":       "shop@User=HUSH",
		"empty among several": "shop@user++room=HUSH",
		"same secret twice":   "shop=HUSH,news=HUSH",
		"blank in the secret": "shop=HUSH HUSH",
		"not ASCII":           "shop=HUSHé",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := auth.ParseServiceKeys(list)
			require.ErrorIs(t, err, auth.ErrServiceKey)
			require.NotContains(t, err.Error(), "HUSH", "an error repeats no secret")
		})
	}
}

func TestServiceKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	keys, err := auth.ParseServiceKeys("shop=HUSH")
	require.NoError(t, err)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "keys", keys)
	for _, printed := range []string{
		keys.String(), fmt.Sprint(keys), fmt.Sprintf("%+v", keys), fmt.Sprintf("%#v", keys), log.String(),
	} {
		require.Contains(t, printed, "service keys of [shop]")
		require.NotContains(t, printed, "HUSH")
	}
}
