package loadgen

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc/PID/stat: USER_HZ, which is 100
// on every architecture that Linux and Go have in common.
const tick = time.Second / 100

// Sample looks at a process, as /proc shows it.
func Sample(pid int) (Usage, error) {
	var u Usage
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat") //nolint:gosec // below /proc
	if err != nil {
		return u, fmt.Errorf("sample a process: %w", err)
	}
	// The second field is the program's name in parentheses, with anything in
	// it. Fields 14 and 15 are utime and stime (proc_pid_stat(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return u, fmt.Errorf("sample a process: %s/stat has %d fields", dir, len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return u, fmt.Errorf("sample a process: %w", err)
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return u, fmt.Errorf("sample a process: %w", err)
	}
	u.User, u.System = time.Duration(user)*tick, time.Duration(system)*tick
	if u.RSS, err = resident(dir); err != nil {
		return u, err
	}
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		return u, fmt.Errorf("sample a process: %w", err)
	}
	u.Descriptors = len(fds)
	return u, nil
}

// resident sums up a process's pages. The cheaper counters in stat and statm
// may be off by many pages for each processor.
func resident(dir string) (int64, error) {
	rollup, err := os.ReadFile(dir + "/smaps_rollup") //nolint:gosec // below /proc
	if err != nil {
		return 0, fmt.Errorf("sample a process: %w", err)
	}
	for line := range strings.Lines(string(rollup)) {
		if rest, ok := strings.CutPrefix(line, "Rss:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("sample a process: %w", err)
			}
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("sample a process: %s/smaps_rollup has no Rss", dir)
}
