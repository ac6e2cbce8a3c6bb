package limit

import "sync"

// userCount is what one user has open here.
type userCount struct {
	wire sync.Mutex // held by who asks Redis about the user

	// told is closed when what the member writes about the user has been written, or
	// has failed; nil while nothing is being written. No writing begins while
	// somebody asks, and who comes to ask waits for told, but not for long.
	told    chan struct{}
	open    int32 // streams
	waiting int32 // calls that use this value
}

// tell marks a user as being told, unless somebody asks about them. The member's mu
// is held.
func (u *userCount) tell(told chan struct{}) bool {
	if !u.wire.TryLock() {
		return false
	}
	defer u.wire.Unlock()
	u.told = told
	return true
}

// use returns a user's count, which stays until unuse.
func (r *Redis) use(user string) *userCount {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.users[user]
	if u == nil {
		u = new(userCount)
		r.users[user] = u
	}
	u.waiting++
	return u
}

func (r *Redis) unuse(user string, u *userCount) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.waiting--
	r.forget(user, u)
}

// forget drops a user about whom there is nothing to remember. r.mu is held.
func (r *Redis) forget(user string, u *userCount) {
	if u.open == 0 && u.waiting == 0 && r.dirty[user] == nil {
		delete(r.users, user)
	}
}

// key is the name of a user's hash. Subjects are names of channels' keys, of
// bounded length and without braces, so they may stand in it as they are.
func (r *Redis) key(user string) string { return r.cfg.Prefix + "user:" + user }
