package loadgen

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// tick is the unit of processor time in /proc/PID/stat: USER_HZ, which is 100
// on every architecture that Linux and Go have in common.
const tick = time.Second / 100

// Sample looks at a process, as /proc shows it.
func Sample(pid int) (Usage, error) {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return Usage{}, fmt.Errorf("sample a process: %w", err)
	}
	stat, err1 := p.Stat()
	// The sum of its pages: the cheaper counters in stat and statm may be off by
	// many pages for each processor.
	pages, err2 := p.ProcSMapsRollup()
	descriptors, err3 := p.FileDescriptorsLen()
	if err := errors.Join(err1, err2, err3); err != nil {
		return Usage{}, fmt.Errorf("sample a process: %w", err)
	}
	return Usage{
		RSS: int64(pages.Rss), Descriptors: descriptors,
		User: time.Duration(stat.UTime) * tick, System: time.Duration(stat.STime) * tick,
	}, nil
}
