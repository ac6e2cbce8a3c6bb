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
			if ctx.Err() == nil {
				r.mu.Lock()
				r.unanswered(err)
				r.mu.Unlock()
			}
			return
		case time.Since(began) > turnTime:
			return
		}
	}
}

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

// settleUser settles one user. Where that is not done with, the user stays in doubt.
func (r *Redis) settleUser(ctx context.Context, user string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	u := r.use(user)
	defer r.unuse(user, u)
	told := make(chan struct{})
	open, most, free := r.examine(user, u, told)
	if !free {
		return nil // somebody asks about this user; it has its turn later
	}
	answer, err := r.eval(ctx, r.runAlone, settleScript, user, open, most)
	if err == nil && answer == unsure {
		err = errUnsure
	}
	over, ended := -answer, 0
	if err == nil && over > 0 {
		// Before Excess, since streams may be over before it returns.
		r.expect(user, over)
		ended = r.cfg.Excess(user, over)
		r.expect(user, ended-over)
		r.cfg.Logger.Info("a person has too many streams; some of them end", "user", user, "streams", ended)
	}
	r.mu.Lock()
	u.told = nil
	if err != nil || ended != over { // in the second case some are not where Excess finds them yet
		r.suspect(user)
	}
	r.mu.Unlock()
	close(told)
	return err
}

// examine takes a user out of doubt and marks them as being told, unless somebody
// asks about them. Who is let in unasked from now on brings the doubt back.
func (r *Redis) examine(user string, u *userCount, told chan struct{}) (open, most int, free bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !u.tell(told) {
		return 0, 0, false
	}
	if delete(r.doubt, user); len(r.doubt) == 0 {
		r.doubt = make(map[string]struct{}) // one that was large keeps its room
	}
	return int(u.open) - r.ending[user], r.most, true
}

// expect changes how many streams of a user are about to end.
func (r *Redis) expect(user string, more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending[user] += more; r.ending[user] <= 0 {
		delete(r.ending, user)
	}
}
