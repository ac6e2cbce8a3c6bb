package app

import (
	"os"
	"runtime/debug"
)

// heapGrowth is by how many percent the heap of a program that holds no streams may
// outgrow what is in use before it is collected. Such a program has a few megabytes in
// use and makes much garbage, so that the runtime's 100 percent would have it collect
// all the time, for about a tenth of its work.
const heapGrowth = 400

// CollectLess has the garbage collector run less often, unless the environment says
// how often it is to run (GOGC). GOMEMLIMIT still bounds the memory. It changes the
// whole process: main functions call it.
func CollectLess() {
	if _, said := os.LookupEnv("GOGC"); !said {
		debug.SetGCPercent(heapGrowth)
	}
}
