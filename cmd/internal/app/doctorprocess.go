package app

import (
	"context"
	"math"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/doctor"
	"github.com/bellhop/bellhop/internal/probe"
)

// process looks at what the machine gives a process: ports, descriptors, memory.
func (x *examiner) process(ctx context.Context, http *config.HTTP, maxStreams int) {
	x.port(ctx, "--listen "+http.Listen, http.Listen, "/livez")
	x.port(ctx, "--admin-listen "+http.AdminListen, http.AdminListen, "/metrics")
	limit, err := descriptorLimit()
	switch allowed := streamsFor(limit); {
	case err != nil:
		x.badf("descriptors", "see ulimit -n", "their limit is not known: %v", err)
	case maxStreams > allowed:
		x.badf("descriptors", "raise the limit (ulimit -Hn, NOFILE) or lower --max-streams", "%d, which is enough for %d streams, and %d are allowed", limit, allowed, maxStreams)
	case allowed < fewStreams:
		x.badf("descriptors", "raise the limit (ulimit -Hn, NOFILE)", "%d, which is enough for %d streams", limit, allowed)
	default:
		x.goodf("descriptors", "%d, which is enough for %d streams", limit, allowed)
	}
	x.found = append(x.found, judgeMemory(containerMemory("/sys/fs/cgroup"), debug.SetMemoryLimit(-1)))
}

// fewStreams is what the usual limit of 1024 descriptors is below.
const fewStreams = 1000

// port tries to listen. Where somebody does already, and answers a path of ours, it is
// most likely this very program.
func (x *examiner) port(ctx context.Context, what, address, ours string) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		x.goodf(what, "is free")
		x.closed(what, listener.Close())
	case probe.Get(ctx, address, ours) == nil:
		x.goodf(what, "a program of Bellhop runs there already")
	default:
		x.badf(what, "stop what listens there, or choose another address", "%v", err)
	}
}

// containerMemory is the limit of the control group that the process is in, below the
// folder where they are mounted; zero: there is none.
func containerMemory(mounted string) int64 {
	for _, file := range []string{"/memory.max", "/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(mounted + file) //nolint:gosec // one of two names
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && limit < math.MaxInt64/2 { // version 1 says a huge number for none
			return limit
		}
	}
	return 0
}

// judgeMemory compares the container's limit with that of Go's collector.
func judgeMemory(container, collector int64) doctor.Finding {
	const what, do = "memory", "set GOMEMLIMIT to nine tenths of the container's limit"
	mib := func(n int64) int64 { return n >> 20 }
	switch {
	case container == 0:
		return doctor.Good(what, "the container has no limit, or there is none")
	case collector == math.MaxInt64:
		return doctor.Bad(what, do, "the container has %d MiB and the collector does not know it", mib(container))
	case collector > container:
		return doctor.Bad(what, do, "the container has %d MiB, and GOMEMLIMIT is %d MiB", mib(container), mib(collector))
	default:
		return doctor.Good(what, "the container has %d MiB, of which the heap may take %d MiB", mib(container), mib(collector))
	}
}
