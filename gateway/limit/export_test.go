package limit

import "time"

// Keeping sets for how long Redis keeps a user's counts.
func (c RedisConfig) Keeping(d time.Duration) RedisConfig {
	c.keep = d
	return c
}
