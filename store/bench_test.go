package store_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/storetest"
)

// BenchmarkAppend measures groups of single events, on a server that forces
// every commit to the disk, beside plain INSERTs of as many rows on the same
// server: of-raw is the share of their speed that remains.
func BenchmarkAppend(b *testing.B) {
	for _, engine := range testenv.Engines() {
		b.Run(engine.Name, func(b *testing.B) {
			cluster := testenv.PrivateMySQL(b, engine, testenv.Durable())
			dsn := cluster.Primary.DSN(cluster.NewDatabase(b))
			db, err := store.OpenMySQL(b.Context(), store.MySQLConfig{Primary: dsn})
			require.NoError(b, err)
			require.NoError(b, db.Migrate(b.Context()))
			raw, err := sql.Open("mysql", dsn+"?interpolateParams=true")
			require.NoError(b, err)
			b.Cleanup(func() {
				require.NoError(b, raw.Close())
				require.NoError(b, db.Close())
			})
			for _, rows := range []int{1, 64, 500, 2000} {
				b.Run(fmt.Sprint(rows, " rows"), func(b *testing.B) {
					besideRaw(b, rows, storetest.AppendGroup(b, db, rows), storetest.RawInsert(b, raw, rows))
				})
			}
		})
	}
}

// besideRaw takes turns between the two, so that whatever else the machine does
// meets both alike.
func besideRaw(b *testing.B, rows int, group, raw func(worker int) error) {
	b.Helper()
	require.NoError(b, group(0)) // makes the channels
	var inGroups, inRaw time.Duration
	for b.Loop() {
		start := time.Now()
		err := group(0)
		inGroups += time.Since(start)
		require.NoError(b, err)
		start = time.Now()
		err = raw(0)
		inRaw += time.Since(start)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(rows*b.N)/inGroups.Seconds(), "rows/s")
	b.ReportMetric(float64(rows*b.N)/inRaw.Seconds(), "raw-rows/s")
	b.ReportMetric(inRaw.Seconds()/inGroups.Seconds(), "of-raw")
}

// openPrivate opens the log on a server of its own.
func openPrivate(b *testing.B, engine testenv.Engine) *store.DB {
	b.Helper()
	cluster := testenv.PrivateMySQL(b, engine)
	db, err := store.OpenMySQL(b.Context(), store.MySQLConfig{Primary: cluster.Primary.DSN(cluster.NewDatabase(b))})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	require.NoError(b, db.Migrate(b.Context()))
	return db
}

// BenchmarkRanges measures what a storm of reconnecting clients asks for.
func BenchmarkRanges(b *testing.B) {
	for _, engine := range testenv.Engines() {
		b.Run(engine.Name, func(b *testing.B) {
			db := openPrivate(b, engine)
			write := storetest.AppendGroup(b, db, 500)
			for range 20 {
				require.NoError(b, write(0))
			}
			for _, n := range []int{1, 64, 500} {
				ranges := make([]store.Range, n)
				for i := range ranges {
					ranges[i] = store.Range{Channel: storetest.BenchChannel(0, i), After: 10, Limit: 100}
				}
				b.Run(fmt.Sprint(n, " channels"), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						pages, err := db.Ranges(b.Context(), ranges)
						require.NoError(b, err)
						require.Len(b, pages[n-1].Events, 10)
					}
					b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "channels/s")
				})
			}
		})
	}
}

// BenchmarkTail measures what a gateway does every two seconds: read the
// transactions that are new. Per op it reads a thousand.
func BenchmarkTail(b *testing.B) {
	for _, engine := range testenv.Engines() {
		b.Run(engine.Name, func(b *testing.B) {
			db := openPrivate(b, engine)
			write := storetest.AppendGroup(b, db, 2)
			for range 1000 {
				require.NoError(b, write(0))
			}
			b.ReportAllocs()
			for b.Loop() {
				tail, err := db.Tail(b.Context(), store.Mark{}, func(store.Mark) bool { return false })
				require.NoError(b, err)
				require.Len(b, tail.Commits, 1000)
			}
		})
	}
}
