package fanout

import (
	"crypto/tls"
	"errors"
	"strings"
	"sync/atomic"
)

// ErrRedisMoved says that two addresses differ in more than who signs in.
var ErrRedisMoved = errors.New("the address of Redis can't change while programs run, only user and password can")

// Account is who a client of OpenRedisAs signs in as. It may change while the client
// is used: connections that are made from then on sign in anew, those that are open
// stay. The zero value is for OpenRedisAs to fill.
type Account struct{ now atomic.Pointer[credentials] }

type credentials struct{ user, password string }

// SameRedis returns ErrRedisMoved if two addresses differ in more than user and password.
func SameRedis(was, is string) error {
	if withoutAccount(was) != withoutAccount(is) {
		return ErrRedisMoved
	}
	return nil
}

// Renew takes user and password from an address, and tells whether they are others.
func (a *Account) Renew(address string, trust *tls.Config) (changed bool, err error) {
	fresh := new(Account)
	client, err := OpenRedisAs(address, trust, fresh)
	if err != nil {
		return false, err
	}
	changed = *fresh.now.Load() != *a.now.Load()
	a.now.Store(fresh.now.Load())
	return changed, client.Close()
}

// provider keeps what an address says, and is how go-redis asks for it.
func (a *Account) provider(user, password string) func() (string, string) {
	a.now.Store(&credentials{user, password})
	return func() (string, string) {
		c := a.now.Load()
		return c.user, c.password
	}
}

func withoutAccount(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	return scheme + "://" + rest[strings.LastIndexByte(rest[:end], '@')+1:]
}
