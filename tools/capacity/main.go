// Command capacity says how many machines some people need, what breaks first when they
// become more, and what a disturbance costs:
//
//	go run ./tools/capacity -users 10000000 -online 0.1 -events-per-user-day 10
//
// It computes from constants that `make capacity-measure` has written.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/bellhop/bellhop/tools/capacity/model"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	var in model.Input
	flags := flag.NewFlagSet("capacity", flag.ContinueOnError)
	flags.Float64Var(&in.Users, "users", 1e6, "people")
	flags.Float64Var(&in.Online, "online", 0.1, "share of them that holds a stream at the busiest time")
	flags.Float64Var(&in.PerDay, "events-per-user-day", 10, "events for a person, in a day")
	flags.Float64Var(&in.Peak, "peak", 5, "events at the busiest time, to the mean")
	flags.Float64Var(&in.Session, "session-minutes", 15, "minutes that a stream lives")
	flags.Float64Var(&in.Days, "days", 90, "days for which events are kept")
	flags.Float64Var(&in.Cores, "cores", 8, "processors of a machine, but for the primary's")
	flags.Float64Var(&in.GB, "gb", 32, "its memory")
	flags.Float64Var(&in.PerGateway, "streams-per-gateway", 1e5, "streams that one gateway may have: so many come back if it is lost")
	flags.Float64Var(&in.Gbits, "gbits", 10, "its network, and the primary's")
	flags.Float64Var(&in.PrimaryCores, "primary-cores", 64, "processors of the largest primary that can be had")
	flags.Float64Var(&in.PrimaryTB, "primary-tb", 16, "its disk")
	flags.Float64Var(&in.Use, "use", 0.5, "share of a machine that may be used at the busiest time")
	flags.Float64Var(&in.Away, "away", 20, "seconds that a fail-over of the primary takes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("what is %q? settings begin with -", flags.Arg(0))
	}
	if err := in.Check(); err != nil {
		return err
	}
	constants, err := model.Measured()
	if err != nil {
		return fmt.Errorf("the constants: %w", err)
	}
	report(out, in, constants)
	return nil
}
