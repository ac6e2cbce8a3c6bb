package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestResetGoesOnFromTheHead: whoever is told to fetch anew is not flooded as well,
// whether they come with what is no position here or are there when it ends.
func TestResetGoesOnFromTheHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.resetToHead = true
		for range 3 {
			r.log.add(inbox)
		}
		var clients []*client
		for _, brought := range []string{"1.e0@user:1", "7.e1@user:1", "3.-@user:1"} {
			c := r.join(brought, inbox)
			c.expect(time.Second, unknownReset, ready)
			require.Equal(t, "3.e1@user:1", c.id)
			clients = append(clients, c)
		}
		r.publish(inbox)
		for _, c := range clients {
			c.expect(0, "user:1#4")
		}
		r.log.sync()
		r.log.failOver(r.log.primary.clone(), "e2")
		r.publish(inbox)
		for _, c := range clients {
			c.expect(10*time.Second, unknownReset)
			require.Equal(t, "5.e2@user:1", c.id, "what it fetches anew has all up to there")
		}
		r.publish(inbox)
		for _, c := range clients {
			c.expect(0, "user:1#6")
		}
	})
}

// TestResetGoesOnWithTheNewestWhereJoinsDo: as for a client that comes without a
// position.
func TestResetGoesOnWithTheNewestWhereJoinsDo(t *testing.T) {
	for _, rules := range []Rules{{JoinLatest: true}, {JoinLatest: true, Conflate: true}} {
		synctest.Test(t, func(t *testing.T) {
			r := newKeptRig(t, rules)
			r.resetToHead = true
			for range 3 {
				r.kept.add(raffle, "note")
			}
			r.join("1.k0@raffle:1", raffle).expect(time.Second, raffleReset, "raffle:1#3", ready)
		})
	}
}
