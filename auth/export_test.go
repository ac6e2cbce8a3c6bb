package auth

// RememberAtMost bounds the tokens that are remembered.
func (v *Verifier) RememberAtMost(n int) { v.cache.most = n / 2 }

// Remembered is how many tokens are, and Knows whether one of them is this.
func (v *Verifier) Remembered() int {
	v.cache.mu.Lock()
	defer v.cache.mu.Unlock()
	return len(v.cache.fresh) + len(v.cache.old)
}

// Knows tells whether a token is remembered.
func (v *Verifier) Knows(token string) bool {
	return v.cache.get(hashToken(token), v.keys(), v.now()) != nil
}
