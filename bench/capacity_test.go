package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/tools/capacity/model"
)

// constantsVariable names the file that the constants are written to; default: none.
const constantsVariable = "BELLHOP_BENCH_CONSTANTS"

// Pools of the sizes that our own templates set; one worker, which has a process id.
const capacityNginx = `worker_processes 1;
worker_rlimit_nofile 20000;
events { worker_connections 19000; multi_accept on; }
http {
	access_log off;
	client_header_buffer_size 1k;
	connection_pool_size 256;
	request_pool_size 1k;
	upstream gateways { {{range .Gateways}}server {{.}}; {{end}} }
	server {
		listen {{.Listen}} backlog=4096;
		location / { proxy_pass http://gateways; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffer_size 1k; proxy_buffering off; proxy_read_timeout 1h; }
	}
}`

// inBatches is how many events a second come batchOf at a time, so that a transaction has
// many: what an event costs shows there, and elsewhere what a transaction does.
const inBatches, batchOf = 6000, 100

// size of a fleet and of its traffic, in events a second.
type size struct {
	gateways, streams int
	rates             []float64
}

// BenchmarkCapacity measures the constants of the capacity model on two fleets, writes
// them, and then compares three other fleets, none of which the constants know, with
// what the model predicts for them. Everything is on this machine, Nginx too.
func BenchmarkCapacity(b *testing.B) {
	streams := testenv.Setting(b, streamsVariable, 200)
	r := newTestbed(b, streams)
	r.db = testenv.PrivateMySQL(b, testenv.MariaDB(), testenv.Durable())
	for b.Loop() {
		c := &capacity{testbed: r, spell: time.Duration(testenv.Setting(b, spellVariable, 1)) * time.Second}
		for _, s := range []size{{1, streams, []float64{0, 200, 800, 2400, inBatches}}, {4, streams / 3, []float64{0, 200, 800, 2400, inBatches}}} {
			c.run(s)
		}
		constants := c.constants()
		known := len(c.spells)
		for _, s := range []size{{1, streams / 6, []float64{0, 200}}, {2, streams / 2, []float64{0, 600}}, {3, streams * 5 / 4, []float64{0, 1000}}} {
			c.run(s)
		}
		for i := range c.spells {
			if i == known {
				fmt.Fprintln(os.Stdout, "\nFleets that the constants do not know:")
			}
			if r := c.spells[i].Events; r > 0 && r < inBatches/2 {
				c.spells[i].compare(constants)
			}
		}
		c.write(constants)
	}
}

// capacity is a run of BenchmarkCapacity.
type capacity struct {
	*testbed

	spell  time.Duration
	spells []spell
}

var partNames = []string{"gateway", "nginx", "notifier", "redis", "primary"}

// spell is a time in which the load was the same, and what was used of everything, by
// the name of the part: cores, bytes of memory, and seconds for each stream that came.
type spell struct {
	model.Load

	cores, memory, connect map[string]float64
	redisBytes, logBytes   float64    // for each event
	commits                [2]float64 // seconds that all of them took, and how many they were
	took                   float64
}

func (c *capacity) run(s size) {
	c.b.Helper()
	c.renew(s.gateways)
	addresses := make([]string, s.gateways)
	for i, g := range c.gateways {
		addresses[i] = strings.TrimPrefix(g.URL, "http://")
	}
	nginx := testenv.Nginx(c.b, capacityNginx, map[string]any{"Gateways": addresses})
	defer nginx.Kill()
	pids := map[string][]int{"notifier": {c.notifier.PID()}, "nginx": c.worker(nginx), "primary": {c.pidFrom(filepath.Join(filepath.Dir(c.db.Primary.Socket()), "pid"))}}
	for _, g := range c.gateways {
		pids["gateway"] = append(pids["gateway"], g.PID())
	}
	info, err := c.bus.Client().InfoMap(c.b.Context(), "server").Result()
	require.NoError(c.b, err)
	redis, err := strconv.Atoi(info["Server"]["process_id"])
	require.NoError(c.b, err)
	pids["redis"] = []int{redis}

	self, err := os.Executable()
	require.NoError(c.b, err)
	pool, err := loadgen.StartPool(c.b.Context(), []string{self, "worker"}, 1, s.streams, loadgen.Population{
		Gateways: []string{nginx.URL()}, Inbox: true, Secret: secret, Sources: s.streams/5000 + 1,
	})
	require.NoError(c.b, err)
	defer func() { require.NoError(c.b, pool.Close()) }()
	before, _ := c.used(pids)
	require.NoError(c.b, pool.Hold(s.streams))
	c.await(pool, func(report loadgen.Report) bool { return report.Ready == s.streams })
	after, _ := c.used(pids)
	connect := map[string]float64{}
	for name := range pids {
		connect[name] = (after[name] - before[name]) / float64(s.streams)
	}
	// Every inbox is made, so that what is measured is not the making.
	c.publish(loadgen.Traffic{Inboxes: s.streams, Rate: 1500, Duration: c.spell})
	<-time.After(c.spell / 2)
	for _, rate := range s.rates {
		progressf("%d gateways, %d streams, %.0f events a second", s.gateways, s.streams, rate)
		cores, _ := c.used(pids)
		sent, wrote, began := c.bytes(), c.commits(), time.Now()
		if rate > 0 {
			burst := 1
			if rate == inBatches {
				burst = batchOf
			}
			c.publish(loadgen.Traffic{Inboxes: s.streams, Rate: rate / float64(burst), Burst: burst, Duration: c.spell})
		} else {
			<-time.After(c.spell)
		}
		took := time.Since(began).Seconds()
		done, memory := c.used(pids)
		one := spell{
			Load:  model.Load{Processes: 1, Gateways: float64(s.gateways), Streams: float64(s.streams), Events: rate, Deliveries: rate},
			cores: map[string]float64{}, memory: memory, connect: connect, took: took,
		}
		for i, now := range c.commits() {
			one.commits[i] = now - wrote[i]
		}
		for name := range pids {
			one.cores[name] = (done[name] - cores[name]) / took
		}
		if rate > 0 {
			now, events := c.bytes(), math.Floor(rate*c.spell.Seconds())
			one.Groups = one.commits[1] / took
			one.Events, one.Deliveries = events/took, events/took // less, where the machine can't do more
			one.redisBytes, one.logBytes = (now[0]-sent[0])/events, (now[1]-sent[1])/events
		}
		c.spells = append(c.spells, one)
	}
}

func (c *capacity) pidFrom(file string) int {
	c.b.Helper()
	text, err := os.ReadFile(file)
	require.NoError(c.b, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(c.b, err)
	return pid
}

// worker is the one process of Nginx that serves.
func (c *capacity) worker(nginx *testenv.NginxServer) []int {
	c.b.Helper()
	master := c.pidFrom(filepath.Join(nginx.Dir, "nginx.pid"))
	return []int{c.pidFrom(fmt.Sprintf("/proc/%d/task/%d/children", master, master))}
}

// used is the processor time that each part has used, in seconds, and its memory.
func (c *capacity) used(pids map[string][]int) (cpu, memory map[string]float64) {
	c.b.Helper()
	cpu, memory = map[string]float64{}, map[string]float64{}
	for name, all := range pids {
		for _, pid := range all {
			u, err := loadgen.Sample(pid)
			require.NoError(c.b, err)
			cpu[name] += u.CPU().Seconds()
			memory[name] += float64(u.RSS)
		}
	}
	return cpu, memory
}

// bytes are those that have gone through Redis, and into the primary's logs.
func (c *capacity) bytes() (n [2]float64) {
	c.b.Helper()
	info, err := c.bus.Client().InfoMap(c.b.Context(), "stats").Result()
	require.NoError(c.b, err)
	for _, name := range []string{"total_net_input_bytes", "total_net_output_bytes"} {
		v, err := strconv.ParseFloat(info["Stats"][name], 64)
		require.NoError(c.b, err)
		n[0] += v
	}
	for _, name := range []string{"Innodb_os_log_written", "Binlog_bytes_written"} {
		var v float64
		require.NoError(c.b, c.db.Primary.Admin().QueryRowContext(c.b.Context(), "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(&name, &v))
		n[1] += v
	}
	return n
}

// commits is how many seconds the notifier's transactions took, and how many they were.
func (c *capacity) commits() (n [2]float64) {
	for i, name := range []string{"sum", "count"} {
		n[i] = c.metric(c.notifier, "bellhop_notifier_commit_seconds_"+name)
	}
	return n
}

// constants are those that fit the spells best.
func (c *capacity) constants() model.Constants {
	c.b.Helper()
	k := model.Constants{Machine: machine(c.b), Date: time.Now().UTC().Format(time.DateOnly)}
	var busy []spell
	for i := range c.spells {
		if c.spells[i].Events > 0 {
			busy = append(busy, c.spells[i])
		}
	}
	fit(busy, []*float64{&k.Commit, &k.CommitRow}, func(s *spell) (float64, float64) {
		return k.Commit + k.CommitRow*s.Events*s.took/s.commits[1], s.commits[0] / s.commits[1]
	})
	for name, fields := range map[string]func() (p *model.Part, cores, memory []*float64){
		"gateway": func() (*model.Part, []*float64, []*float64) {
			p := &k.Gateway
			return p, []*float64{&p.Gateway, &p.Stream, &p.Wake, &p.Delivery, &p.Tail}, []*float64{&p.Memory, &p.Held}
		},
		"nginx": func() (*model.Part, []*float64, []*float64) {
			p := &k.Nginx
			return p, []*float64{&p.Base, &p.Stream, &p.Group, &p.Delivery}, []*float64{&p.Memory, &p.Held}
		},
		"notifier": func() (*model.Part, []*float64, []*float64) {
			p := &k.Notifier
			return p, []*float64{&p.Base, &p.Event, &p.Group}, []*float64{&p.Memory}
		},
		"redis": func() (*model.Part, []*float64, []*float64) {
			p := &k.Redis
			return p, []*float64{&p.Base, &p.Gateway, &p.Event, &p.Group}, []*float64{&p.Memory, &p.Held}
		},
		"primary": func() (*model.Part, []*float64, []*float64) {
			p := &k.Primary
			return p, []*float64{&p.Base, &p.Gateway, &p.Event, &p.Group, &p.Tail}, []*float64{&p.Memory}
		},
	} {
		p, cores, memory := fields()
		fit(c.spells, cores, func(s *spell) (float64, float64) { return p.Cores(s.Load), max(s.cores[name], 0.002) })
		fit(c.spells, memory, func(s *spell) (float64, float64) { return p.Bytes(s.loadOf(name)), s.memory[name] })
		for i := range c.spells {
			p.Connect += c.spells[i].connect[name] / float64(len(c.spells))
		}
	}
	last := &c.spells[len(c.spells)-2] // the highest rate of single events
	k.RedisBytes, k.LogBytes = last.redisBytes, last.logBytes
	return k
}

// loadOf is the load with the number of processes that a part has.
func (s *spell) loadOf(name string) model.Load {
	l := s.Load
	if name == "gateway" {
		l.Processes = l.Gateways
	}
	return l
}

// fit finds what none of the fields is below zero for and the ratios of predicted to
// measured are nearest to one, by one field after the other, again and again. What is
// predicted must be linear in the fields.
func fit(spells []spell, fields []*float64, figures func(*spell) (predicted, measured float64)) {
	slopes := make([][]float64, len(fields))
	for j, field := range fields {
		*field = 1
		for i := range spells {
			predicted, measured := figures(&spells[i])
			slopes[j] = append(slopes[j], predicted/measured)
		}
		*field = 0
	}
	for range 20_000 {
		for j, field := range fields {
			var along, square float64
			for i, slope := range slopes[j] {
				predicted, measured := figures(&spells[i])
				along += slope * (1 - predicted/measured)
				square += slope * slope
			}
			*field = max(0, *field+along/square)
		}
	}
}

// compare prints what was predicted for a spell beside what was measured.
func (s *spell) compare(k model.Constants) {
	s.Groups = k.Groups(s.Events, 1)
	parts := map[string]*model.Part{"gateway": &k.Gateway, "nginx": &k.Nginx, "notifier": &k.Notifier, "redis": &k.Redis, "primary": &k.Primary}
	fmt.Fprintf(os.Stdout, "\n%.0f gateways, %.0f streams, %.0f events a second\n", s.Gateways, s.Streams, s.Events)
	line := func(what, unit string, scale, predicted, measured float64) {
		fmt.Fprintf(os.Stdout, "%-22s predicted %8.3f %s, measured %8.3f: %.2f\n", what, predicted*scale, unit, measured*scale, predicted/measured)
	}
	line("notifier, transactions", "/s   ", 1, s.Groups, s.commits[1]/s.took)
	for _, name := range partNames {
		line(name, "cores", 1, parts[name].Cores(s.Load), s.cores[name])
	}
	for _, name := range []string{"gateway", "nginx"} { // Redis and the primary take too little to be measured in ticks
		line(name+", connect", "ms", 1e3, parts[name].Connect, s.connect[name])
	}
	for _, name := range []string{"gateway", "nginx"} {
		line(name+", memory", "MB", 1e-6, parts[name].Bytes(s.loadOf(name)), s.memory[name])
	}
	line("redis, event", "KB", 1e-3, k.RedisBytes, s.redisBytes)
}

// write keeps the constants, and of those before what this does not measure.
func (c *capacity) write(k model.Constants) {
	c.b.Helper()
	file := os.Getenv(constantsVariable)
	if file == "" {
		return
	}
	before, err := model.Measured()
	require.NoError(c.b, err)
	k.RowBytes = before.RowBytes // BenchmarkPartitions tells
	text, err := json.MarshalIndent(k, "", "  ")
	require.NoError(c.b, err)
	require.NoError(c.b, os.WriteFile(file, append(text, '\n'), 0o600))
	progressf("written: %s", file)
}
