package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDevKeysAreMadeOnceAndKeptPrivate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bellhop.db.keys")
	made, err := loadDevKeys(path)
	require.NoError(t, err)
	require.Len(t, made.Signing, 43, "256 bits")
	require.NotEqual(t, made.Signing, made.Service)

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	again, err := loadDevKeys(path)
	require.NoError(t, err)
	require.Equal(t, made, again)

	other, err := loadDevKeys(path + "2")
	require.NoError(t, err)
	require.NotEqual(t, made, other, "each database has keys of its own")
}

func TestBrokenDevKeysAreNotReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(path, []byte("BELLHOP_JWT_SECRET=abc\n"), 0o600))
	_, err := loadDevKeys(path)
	require.ErrorContains(t, err, "lacks")

	_, err = loadDevKeys(t.TempDir())
	require.ErrorContains(t, err, "is a directory")

	_, err = loadDevKeys(filepath.Join(t.TempDir(), "missing", "keys"))
	require.Error(t, err)
}
