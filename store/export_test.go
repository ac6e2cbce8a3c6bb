package store

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// HoldForTest begins a transaction, locks the row of a channel, and falls
// silent. The returned function cleans up.
func (d *DB) HoldForTest(t *testing.T, c event.Channel) func() {
	t.Helper()
	conn, err := d.primary.Connx(t.Context())
	require.NoError(t, err)
	held := &tx{ctx: context.WithoutCancel(t.Context()), conn: conn, dialect: d.dialect}
	_, err = held.begin("", byHash([]event.Channel{c}))
	require.NoError(t, err)
	return func() {
		held.broken = true
		held.end()
	}
}
