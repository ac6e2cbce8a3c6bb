package loadgen

import "time"

// Usage is what a process uses.
type Usage struct {
	RSS         int64         `json:"rss"` // bytes
	User        time.Duration `json:"user"`
	System      time.Duration `json:"system"`
	Descriptors int           `json:"descriptors"`
}

// CPU is both kinds of processor time.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// since is what was used since an earlier sample, and the memory of now.
func (u Usage) since(before Usage) Usage {
	u.User -= before.User
	u.System -= before.System
	return u
}
