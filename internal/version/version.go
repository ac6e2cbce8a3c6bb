// Package version says which build a program is.
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// Set by the linker for a release: -X module/internal/version.version=1.2.3 and so
// on. A program that was built without them asks what Go itself recorded.
var version, commit, date string

// Info is what is known of a build. No field is ever empty.
type Info struct {
	Version string // semantic, without a v; "dev" where nothing is known
	Commit  string // in full, with -dirty behind it if files were changed
	Date    string // of the commit, RFC 3339: two builds of one commit are the same
	Go      string
}

// Read returns the build of this program.
func Read() Info {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return read(Info{Version: version, Commit: commit, Date: date, Go: runtime.Version()}, info)
}

// read fills in what the linker did not say.
func read(said Info, build *debug.BuildInfo) Info {
	vcs := map[string]string{}
	for _, s := range build.Settings {
		vcs[s.Key] = s.Value
	}
	revision := vcs["vcs.revision"]
	if revision != "" && vcs["vcs.modified"] == "true" {
		revision += "-dirty"
	}
	module := build.Main.Version
	switch {
	case module == "(devel)":
		module = ""
	case module != "":
		module = module[1:] // the v of every module's version
	}
	said.Version = cmp.Or(said.Version, module, "dev")
	said.Commit = cmp.Or(said.Commit, revision, "unknown")
	said.Date = cmp.Or(said.Date, vcs["vcs.time"], "unknown")
	return said
}

// String is one line for people, without the program's name.
func (i Info) String() string {
	return fmt.Sprintf("%s, commit %s of %s, %s %s/%s", i.Version, i.Commit, i.Date, i.Go, runtime.GOOS, runtime.GOARCH)
}

// Metric is bellhop_build_info: always 1, with the build as its labels.
func Metric() prometheus.Collector {
	i := Read()
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "bellhop_build_info",
		Help:        "The build of this program, as labels; always 1.",
		ConstLabels: prometheus.Labels{"version": i.Version, "commit": i.Commit, "date": i.Date, "goversion": i.Go},
	})
	g.Set(1)
	return g
}
