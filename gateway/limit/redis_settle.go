package limit

import (
	"context"
	"errors"
	"time"
)

// settle makes good for what was decided without Redis, or while it did not know
// of all streams: those that a user has too many are ended. One member after the
// other comes to this, each with the counts of those before it, so that as many
// stay as may.
func (r *Redis) settle(ctx context.Context) {
	began := time.Now()
	for _, user := range r.doubtful() {
		switch err := r.settleUser(ctx, user); {
		case errors.Is(err, errUnsure):
			return // of others it would say the same
		case err != nil:
			r.mu.Lock()
			r.resume = time.Now().Add(giveUp)
			r.mu.Unlock()
			return
		case time.Since(began) > settleTime:
			return // a lease is to be renewed as well
		}
	}
}

// settleTime is about how long one round of settling takes at most.
const settleTime = 500 * time.Millisecond

// errUnsure: nobody can know yet who is alive.
var errUnsure = errors.New("not all members are known")

// suspect has a user settled. r.mu is held.
func (r *Redis) suspect(user string) {
	if r.cfg.Excess != nil {
		r.doubt[user] = struct{}{}
		r.soon()
	}
}

// doubtful are some of the users to settle.
func (r *Redis) doubtful() (users []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Now().Before(r.resume) {
		return nil
	}
	for user := range r.doubt {
		if len(users) == flushSize {
			break
		}
		users = append(users, user)
	}
	return users
}

func (r *Redis) settleUser(ctx context.Context, user string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	u := r.use(user)
	defer r.unuse(user, u)
	if !u.wire.TryLock() {
		return nil // somebody asks about this user; it has its turn later
	}
	defer u.wire.Unlock()
	r.mu.Lock()
	open, most := int(u.open)-r.ending[user], r.most
	r.mu.Unlock()
	answer, err := r.eval(ctx, settleScript, user, open, most)
	switch {
	case err != nil:
		return err
	case answer == unsure:
		return errUnsure
	}
	over, ended := -answer, 0
	if over > 0 {
		// Before Excess, since streams may be over before it returns.
		r.expect(user, over)
		ended = r.cfg.Excess(user, over)
		r.expect(user, ended-over)
		r.cfg.Logger.Info("streams end that are too many for one person", "user", user, "streams", ended)
	}
	if ended == over { // else some are not where Excess finds them yet
		r.mu.Lock()
		if delete(r.doubt, user); len(r.doubt) == 0 {
			r.doubt = make(map[string]struct{}) // one that was large keeps its room
		}
		r.mu.Unlock()
	}
	return nil
}

// expect changes how many streams of a user are about to end.
func (r *Redis) expect(user string, more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending[user] += more; r.ending[user] <= 0 {
		delete(r.ending, user)
	}
}
