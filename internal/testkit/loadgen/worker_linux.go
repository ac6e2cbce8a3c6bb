package loadgen

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"time"

	"golang.org/x/sys/unix"
)

// pollTime is how long a worker waits for its sockets before it looks at its
// orders again.
const pollTime = 5 * time.Millisecond

// pacedPollTime is the same while connects come at a rate.
const pacedPollTime = time.Millisecond

// retryTime is how long a client waits after a connect that failed.
const retryTime = 200 * time.Millisecond

// worker holds a part of the clients, on one goroutine and one epoll. Clients
// are never closed but by a cut or a smaller number to hold.
type worker struct {
	population Population
	gateways   []netip.AddrPort
	epoll      int
	first      int // number of the first client
	clients    []*client
	idle       []*client // to be connected
	later      []*client // whose connect failed, or whose stream ended
	laterAt    time.Time
	away       []*client // to be connected once more are to be held
	rate       float64   // connects a second; 0: no bound
	began      time.Time // since when that counts
	entered    int       // connects begun since then
	joining    int       // connects under way, up to the stream's ready
	ready      int
	open       int
	joins      Histogram
	checker    checker
	events     [512]unix.EpollEvent
	buf        []byte
}

// Work is the worker's process: it takes orders until in ends.
func Work(in io.Reader, out io.Writer) error {
	orders := make(chan Order)
	failed := make(chan error, 1)
	go func() {
		defer close(orders)
		failed <- readOrders(in, orders)
	}()
	w := &worker{epoll: -1, buf: make([]byte, 256<<10)}
	defer w.close()
	answers := json.NewEncoder(out)
	for {
		if err := w.step(orders, answers); errors.Is(err, errClosed) {
			return <-failed
		} else if err != nil {
			go func() {
				for range orders { // lets the reader end
				}
			}()
			return errors.Join(err, answers.Encode(Report{Error: err.Error()}))
		}
	}
}

var errClosed = errors.New("no more orders")

// step obeys an order, if there is one, and serves the sockets otherwise.
func (w *worker) step(orders <-chan Order, answers *json.Encoder) error {
	var o Order
	var more bool
	if w.epoll < 0 { // there is nothing to do but to wait
		o, more = <-orders
	} else {
		select {
		case o, more = <-orders:
		default:
			return w.poll()
		}
	}
	if !more {
		return errClosed
	}
	return w.obey(o, answers)
}

func readOrders(in io.Reader, orders chan<- Order) error {
	d := json.NewDecoder(bufio.NewReader(in))
	for {
		var o Order
		switch err := d.Decode(&o); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("order: %w", err)
		}
		orders <- o
	}
}

func (w *worker) obey(o Order, answers *json.Encoder) error {
	switch o.Do {
	case begin:
		return w.begin(o)
	case hold:
		w.adjust(o.Streams)
		w.rate, w.began, w.entered = o.Rate, time.Now(), 0
	case cut:
		w.idle = append(w.idle, w.leaveAll()...)
	case leave:
		w.away = append(w.away, w.leaveAll()...)
	case fresh:
		w.joins, w.checker.latencies = Histogram{}, Latencies{}
	case report:
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			return err
		}
		return answers.Encode(Report{
			Open: w.open, Ready: w.ready, Counts: w.checker.counts, Latencies: w.checker.latencies, Joins: w.joins,
			CPU: time.Duration(u.Utime.Nano() + u.Stime.Nano()),
		})
	default:
		return fmt.Errorf("order: unknown verb %q", o.Do)
	}
	return nil
}

func (w *worker) begin(o Order) (err error) {
	if o.Population == nil || w.epoll >= 0 {
		return errors.New("order: begin comes once, with a population")
	}
	w.population = *o.Population
	if w.population.Window <= 0 {
		w.population.Window = 256
	}
	for _, base := range w.population.Gateways {
		addr, err := resolve(base)
		if err != nil {
			return err
		}
		w.gateways = append(w.gateways, addr)
	}
	if len(w.gateways) == 0 {
		return errors.New("order: there is no gateway")
	}
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	w.first = o.First
	return nil
}

func resolve(base string) (netip.AddrPort, error) {
	u, err := url.Parse(base)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("gateway: %w", err)
	}
	if u.Scheme != "http" || u.Port() == "" {
		return netip.AddrPort{}, fmt.Errorf("gateway %s: want http://host:port", base)
	}
	addr, err := net.ResolveTCPAddr("tcp4", u.Host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("gateway %s: %w", base, err)
	}
	return netip.AddrPortFrom(addr.AddrPort().Addr().Unmap(), uint16(addr.Port)), nil
}
