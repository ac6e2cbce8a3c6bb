package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecretIsMaskedHoweverItIsPrinted(t *testing.T) {
	t.Parallel()
	var g Gateway
	_, err := Parse(&g, nil, goodGateway("BELLHOP_MYSQL_REPLICAS="+goodDSN), io.Discard)
	require.NoError(t, err)

	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "settings", g, "secret", g.JWTSecret)
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "settings", g, "secret", g.JWTSecret)
	marshalled, err := json.Marshal(g)
	require.NoError(t, err)
	for _, printed := range []string{
		fmt.Sprint(g), fmt.Sprintf("%v %+v %#v", g, g, g), fmt.Sprintf("%s %q %x %d", g.JWTSecret, g.JWTSecret, g.JWTSecret, g.JWTSecret),
		logged.String(), string(marshalled),
	} {
		require.Contains(t, printed, masked)
		require.NotContains(t, printed, goodSecret)
		require.NotContains(t, printed, fmt.Sprintf("%x", goodSecret))
		require.NotContains(t, printed, "pa:ss")
	}
	require.Equal(t, goodSecret, g.JWTSecret.Reveal())
	require.Empty(t, Secret("").String(), "one that is not set says so")
}
