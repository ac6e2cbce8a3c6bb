package auth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxCached bounds the tokens that are remembered. Each takes some 150 bytes.
const maxCached = 1 << 16

// tokenCache remembers tokens that were verified, so that a crowd that comes back costs
// no signature twice. It keeps a hash of a token, never the token. A token is remembered
// for no longer than it is good, and none outlives the keys that judged it. Whether it
// was revoked is not asked here but of every request.
//
// When fresh is full it becomes old, and what was old is forgotten: the half of the
// bound that was used last stays at least.
type tokenCache struct {
	most int // of fresh

	mu         sync.Mutex
	keys       uint64 // the number of the keys that judged what is remembered
	fresh, old map[tokenHash]cachedToken
}

// tokenHash is the half of a token's SHA-256. To find another token with the hash of a
// good one takes 2^128 tries, as many as to guess a key.
type tokenHash [sha256.Size / 2]byte

func hashToken(token string) tokenHash {
	sum := sha256.Sum256([]byte(token))
	return tokenHash(sum[:sha256.Size/2])
}

// cachedToken is what a good token says. It is good from a moment on, in seconds since
// 1970, until it expires.
type cachedToken struct {
	claims *Claims
	from   int64
}

// get returns what a token says that keys of this number have judged and that is good
// now; nil: it is not known.
func (c *tokenCache) get(h tokenHash, keys uint64, now time.Time) *Claims {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.obey(keys)
	t, ok := c.fresh[h]
	if !ok {
		if t, ok = c.old[h]; !ok {
			return nil
		}
		c.add(h, t)
	}
	if now.Before(time.Unix(t.from, 0)) || !now.Before(t.claims.Expires) {
		return nil
	}
	return t.claims
}

// put remembers a token that keys of this number have judged. The number was read
// before the keys were.
func (c *tokenCache) put(h tokenHash, keys uint64, t cachedToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.obey(keys)
	if keys == c.keys {
		c.add(h, t)
	}
}

// obey forgets everything once there are newer keys. mu is held.
func (c *tokenCache) obey(keys uint64) {
	if keys > c.keys {
		c.keys, c.fresh, c.old = keys, nil, nil
	}
}

// add makes room for a token and remembers it. mu is held.
func (c *tokenCache) add(h tokenHash, t cachedToken) {
	if c.fresh == nil || len(c.fresh) >= c.most {
		c.fresh, c.old = make(map[tokenHash]cachedToken), c.fresh
	}
	c.fresh[h] = t
}

// forget forgets all tokens.
func (c *tokenCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh, c.old = nil, nil
}
