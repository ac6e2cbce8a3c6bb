// Command loadtest holds many streams on a gateway, publishes through a
// notifier, checks what every stream gets, and measures latency, processor time
// and memory. loadtest --help lists its settings.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/version"
)

type settings struct {
	Run     run              `cmd:"" default:"withargs" help:"Run a load test (the default)."`
	Version kong.VersionFlag `help:"Print version, commit, date and Go's version, and exit."`

	Worker struct{} `cmd:"" hidden:"" help:"Hold streams for another loadtest process."`
}

type run struct {
	Gateway   []string      `placeholder:"URL" default:"http://127.0.0.1:8080" help:"Gateways, comma-separated."`
	JWTSecret string        `name:"jwt-secret" env:"BELLHOP_JWT_SECRET" help:"Signs the clients' tokens."`
	Inbox     bool          `negatable:"" default:"true" help:"Each stream has an inbox of its own."`
	Channel   []string      `placeholder:"CHANNEL" help:"Channels that every stream has besides, comma-separated."`
	Streams   int           `default:"1000" help:"Streams to hold."`
	Processes int           `default:"2" help:"Processes that hold them; each has a limit of descriptors of its own."`
	Sources   int           `default:"0" help:"Addresses of 127.0.0.0/8 to connect from, for a gateway on this machine: one has some 28000 ports."`
	Window    int           `default:"128" help:"Connects that each process has under way."`
	Idle      time.Duration `default:"5s" help:"Time in which nothing is published."`
	Storms    int           `default:"0" help:"How often all connections are broken at once, to come back and resume."`

	Notifier   []string      `placeholder:"URL" help:"Notifiers, comma-separated. Without one nothing is published."`
	ServiceKey string        `name:"service-key" env:"BELLHOP_SERVICE_KEY" help:"The secret that publishes."`
	Broadcast  bool          `help:"Publish to --channel, in turn, instead of to inboxes at random."`
	Rate       float64       `default:"100" help:"Posts a second."`
	Burst      int           `default:"1" help:"Events in a post, all for one channel."`
	Size       int           `default:"120" help:"Bytes of an event's data."`
	Duration   time.Duration `default:"10s" help:"Time in which events are published."`

	PID      map[string]int `placeholder:"NAME=PID" mapsep:"," help:"Processes to sample, such as gateway=123,notifier=124."`
	Admin    []string       `placeholder:"URL" help:"Admin listeners of processes that are to collect garbage before they are measured idle."`
	Patience time.Duration  `default:"2m" help:"Bound of every wait for the streams."`
	JSON     string         `name:"json" placeholder:"FILE" help:"Write the result there as well."`
}

func main() {
	var s settings
	parser := kong.Must(&s, kong.Name("loadtest"), kong.Description("Puts a Bellhop gateway under load, checks every delivery, and measures."),
		kong.Vars{"version": "loadtest " + version.Read().String()})
	cli, err := parser.Parse(config.LongFlags(os.Args[1:]))
	parser.FatalIfErrorf(err)
	if cli.Command() == "worker" {
		// The parent ends it. A key pressed in the terminal reaches it too, and
		// must not end it before its report.
		signal.Ignore(syscall.SIGINT)
		cli.FatalIfErrorf(loadgen.Work(os.Stdin, os.Stdout))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err = s.Run.run(ctx)
	stop()
	cli.FatalIfErrorf(err)
}

var (
	errUnsound     = errors.New("streams did not get what they should")
	errUnpublished = errors.New("posts failed")
)

func (r *run) run(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	result, err := loadgen.Run(ctx, r.plan(self))
	result.Summary(os.Stdout)
	switch {
	case err != nil: // how far it came stands in the summary
	case !result.Sound():
		err = errUnsound
	case result.Failed() > 0:
		err = errUnpublished
	}
	if r.JSON == "" {
		return err
	}
	text, jerr := json.MarshalIndent(result, "", "  ")
	if jerr == nil {
		jerr = os.WriteFile(r.JSON, append(text, '\n'), 0o600)
	}
	if jerr != nil {
		jerr = fmt.Errorf("write the result: %w", jerr)
	}
	return errors.Join(err, jerr)
}

func (r *run) plan(self string) loadgen.Plan {
	plan := loadgen.Plan{
		Population: loadgen.Population{
			Gateways: r.Gateway, Inbox: r.Inbox, Shared: r.Channel, Secret: r.JWTSecret, Sources: r.Sources, Window: r.Window,
		},
		Traffic: loadgen.Traffic{
			Notifiers: r.Notifier, Key: r.ServiceKey, Rate: r.Rate, Burst: r.Burst, Size: r.Size, Duration: r.Duration,
		},
		Streams: r.Streams, Processes: r.Processes, Idle: r.Idle, Storms: r.Storms,
		PIDs: r.PID, Collect: r.Admin, Patience: r.Patience,
		Worker: []string{self, "worker"}, Progress: os.Stderr,
	}
	if r.Broadcast {
		plan.Traffic.Shared = r.Channel
	}
	return plan
}
