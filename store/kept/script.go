package kept

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	_ "embed"
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

//go:embed state.lua
var stateSource string

//go:embed append.lua
var appendSource string

//go:embed heads.lua
var headsSource string

//go:embed read.lua
var readSource string

//go:embed purge.lua
var purgeSource string

//go:embed trim.lua
var trimSource string

var (
	appendScript = newScript(appendSource)
	headsScript  = newScript(headsSource)
	readScript   = newScript(readSource)
	purgeScript  = newScript(purgeSource)
	trimScript   = newScript(trimSource)
)

// script is a function that runs on the server, all of it or nothing.
type script struct{ source, sha string }

func newScript(source string) *script {
	source = stateSource + source
	sum := sha1.Sum([]byte(source)) //nolint:gosec // as above
	return &script{source: source, sha: hex.EncodeToString(sum[:])}
}

// call is one execution of a script: its keys, which on a Cluster are all of one
// channel, and the other arguments.
type call struct {
	keys []string
	args []any
	// counted: those who received a message can all be counted at the server.
	counted bool
}

// reply is the answer to a call.
type reply struct {
	values []any
	err    error
}

// once is a command that is not repeated when its answer does not arrive:
// go-redis would repeat the whole pipeline, and what was carried out already
// would be carried out again.
type once struct{ *redis.Cmd }

// NoRetry implements redis.Cmder.
func (once) NoRetry() bool { return true }

// run executes calls in one pipeline (one for each node of a Cluster), in any order:
// those that a server did not know the script for come after the others. Nothing is
// executed twice. Replies run parallel to calls.
func (s *script) run(ctx context.Context, client redis.UniversalClient, calls []call) []reply {
	replies := make([]reply, len(calls))
	rest := make([]int, len(calls)) // those that were not executed yet
	for i := range rest {
		rest[i] = i
	}
	// A server that was started, or was told to forget its scripts, has to be given them.
	for _, by := range [][2]string{{"evalsha", s.sha}, {"eval", s.source}} {
		if len(rest) == 0 {
			break
		}
		pipe := client.Pipeline()
		sent := make([]once, len(rest))
		for i, at := range rest {
			c := &calls[at]
			args := append(make([]any, 0, 3+len(c.keys)+len(c.args)), by[0], by[1], len(c.keys))
			for _, k := range c.keys {
				args = append(args, k)
			}
			sent[i] = once{redis.NewCmd(ctx, append(args, c.args...)...)}
			_ = pipe.Process(ctx, sent[i]) // queues, and never fails
		}
		_, _ = pipe.Exec(ctx) // each command has its own error
		var unknown []int
		for i, at := range rest {
			// A value is an answer, also where a later one of the connection failed.
			if values, answered := sent[i].Val().([]any); answered {
				replies[at] = reply{values: values}
				continue
			}
			replies[at] = reply{err: sent[i].Err()}
			if redis.HasErrorPrefix(replies[at].err, "NOSCRIPT") {
				unknown = append(unknown, at)
			}
		}
		rest = unknown
	}
	return replies
}
