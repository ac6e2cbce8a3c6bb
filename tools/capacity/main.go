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
	"strings"
	"text/tabwriter"

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
	for _, s := range in.Settings() {
		flags.Float64Var(s.Value, s.Name, s.Default, s.Help)
	}
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

// report writes a plan for a person.
func report(out io.Writer, in model.Input, c model.Constants) {
	p := c.Of(in)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "%s people, %g %% of them there at once, %g events a day each, at the busiest time %g times as many\n", count(in.Users), in.Online*100, in.PerDay, in.Peak)
	fmt.Fprintf(w, "%s streams, %s connects/s, %s events/s, %s deliveries/s\n\n", count(p.Streams), count(p.Connects), count(p.Events), count(p.Deliveries))

	fmt.Fprintf(w, "machines\t\teach uses\t\twhy so many\n")
	for _, m := range p.Kinds {
		memory := "what it is given"
		if m.Bytes > 0 {
			memory = fmt.Sprintf("%.2f GB", m.Bytes/1e9)
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f cores\t%s\t%s\n", m.Name, count(m.Count), m.Cores, memory, m.Why)
	}
	fmt.Fprintf(w, "\nThe primary stores %s, writes %s/s and sends gateways %s/s. A shard of Redis carries %s/s.\n\n",
		size(p.Stored), size(p.Written), size(p.ToGateways), size(p.PerShard))

	fmt.Fprintf(w, "breaks first\tused\tat people\twhy\n")
	for _, l := range p.Limits {
		fmt.Fprintf(w, "%s\t%.1f %%\t%s\t%s\n", l.Name, l.Used*100, count(l.Users), l.Why)
	}
	fmt.Fprintf(w, "\nAll streams come back at once: %s\n", pauses(p.Reconnect))
	fmt.Fprintf(w, "A gateway is lost: %s\n", pauses(p.GatewayLost))
	fmt.Fprintf(w, "The primary is away for %g s: publishers repeat %s events, which takes %.1f s afterwards\n", in.Away, count(p.Refused), p.CaughtUp)
}

func pauses(all []model.Pause) string {
	parts := make([]string, len(all))
	for i, p := range all {
		parts[i] = fmt.Sprintf("%s busy for %.1f s", p.Name, p.Seconds)
	}
	return strings.Join(parts, ", ")
}

// count writes a number with commas: three digits of it, as it is not known better.
func count(n float64) string {
	if n > 1e10 {
		return "more than there are"
	}
	digits := fmt.Sprintf("%.0f", n)
	for i := 3; i < len(digits) && n >= 1000; i++ {
		digits = digits[:i] + "0" + digits[i+1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func size(n float64) string {
	for _, unit := range []string{"bytes", "KB", "MB", "GB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g TB", n)
}
