package notifier

import (
	"fmt"
	"testing"
	"time"
	"os"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testenv"
	"github.com/bellhop/bellhop/store"
)

func TestZZProbe(t *testing.T) {
	cluster := testenv.PrivateMySQL(t, testenv.MariaDB(), testenv.Durable())
	database := cluster.NewDatabase(t)
	log := openMySQL(t, cluster.Primary.DSN(database))
	for _, size := range []int{64, 64, 500} {
		entries := make([]store.Entry, size)
		for i := range entries {
			entries[i] = store.Entry{Channels: []event.Channel{event.Channel(fmt.Sprintf("user:%d", i))}, Type: "comment", Data: benchData}
		}
		_, _, err := log.Append(t.Context(), entries)
		require.NoError(t, err)
		f := fmt.Sprintf("/tmp/slow-%d.log", size)
		os.Remove(f)
		cluster.Primary.Exec(t, "SET GLOBAL slow_query_log_file='"+f+"'")
		cluster.Primary.Exec(t, "SET GLOBAL long_query_time=0")
		cluster.Primary.Exec(t, "SET GLOBAL slow_query_log=1")
		began := time.Now()
		const n = 100
		for range n {
			_, _, err := log.Append(t.Context(), entries)
			require.NoError(t, err)
		}
		d := time.Since(began)
		cluster.Primary.Exec(t, "SET GLOBAL slow_query_log=0")
		t.Logf("size %d: %v per append, %.0f rows/s", size, d/n, float64(n*size)/d.Seconds())
	}
}
