package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Pool is the worker processes of a load test. Its methods are for one goroutine.
type Pool struct {
	workers  []*workerProcess
	patience time.Duration // with a worker that is to answer
}

// workerProcess is one worker process.
type workerProcess struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	orders *json.Encoder
	answer *json.Decoder
	share  int // clients that it can have
}

// StartPool starts n processes of the command, which has to call Work on its standard
// input and output, and divides up to streams clients among them. They outlive
// ctx, to report what they saw up to its end: Close ends them.
func StartPool(ctx context.Context, command []string, n, streams int, p Population) (*Pool, error) {
	c := &Pool{patience: answerTime}
	for i := range n {
		first, end := streams*i/n, streams*(i+1)/n
		r, err := start(ctx, command)
		if err == nil {
			r.share = end - first
			c.workers = append(c.workers, r)
			err = r.orders.Encode(Order{Do: begin, Population: &p, First: first})
		}
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

func start(ctx context.Context, command []string) (*workerProcess, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...) //nolint:gosec // the plan names its worker
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	return &workerProcess{cmd: cmd, in: in, orders: json.NewEncoder(in), answer: json.NewDecoder(out)}, nil
}

// kill ends a process that may have ended already.
func (r *workerProcess) kill() { _ = r.cmd.Process.Kill() }

// Hold has n clients connected in all, or as soon as that can be.
func (c *Pool) Hold(n int) error { return c.HoldAt(n, 0) }

// HoldAt is Hold with so many connects a second; 0 is no bound.
func (c *Pool) HoldAt(n int, rate float64) error {
	left := n
	for i, r := range c.workers {
		share := min(r.share, (left+len(c.workers)-i-1)/(len(c.workers)-i))
		left -= share
		if err := r.orders.Encode(Order{Do: hold, Streams: share, Rate: rate / float64(len(c.workers))}); err != nil {
			return fmt.Errorf("order a worker: %w", err)
		}
	}
	return nil
}

// Cut breaks all connections. The clients come back and resume.
func (c *Pool) Cut() error { return c.tell(Order{Do: cut}) }

// Leave breaks all connections. The clients come back and resume with the next Hold.
func (c *Pool) Leave() error { return c.tell(Order{Do: leave}) }

// Fresh forgets the latencies so far.
func (c *Pool) Fresh() error { return c.tell(Order{Do: fresh}) }

func (c *Pool) tell(o Order) error {
	for _, r := range c.workers {
		if err := r.orders.Encode(o); err != nil {
			return fmt.Errorf("order a worker: %w", err)
		}
	}
	return nil
}

// answerTime is how long a worker may take to report; it serves all of its
// sockets in between.
const answerTime = time.Minute

// Report asks all workers. One that does not answer is killed.
func (c *Pool) Report() (Report, error) {
	var sum Report
	if err := c.tell(Order{Do: report}); err != nil {
		return sum, err
	}
	for _, r := range c.workers {
		var one Report
		stuck := time.AfterFunc(c.patience, r.kill)
		err := r.answer.Decode(&one)
		stuck.Stop()
		if err != nil {
			return sum, fmt.Errorf("a worker's report: %w", err)
		}
		sum.Add(one)
	}
	if sum.Error != "" {
		return sum, fmt.Errorf("worker: %s", sum.Error)
	}
	return sum, nil
}

// closeTime is how long a worker may take to close its clients.
const closeTime = 10 * time.Second

// Close ends the workers.
func (c *Pool) Close() error {
	errs := make([]error, len(c.workers))
	var ended sync.WaitGroup
	for i, r := range c.workers {
		ended.Go(func() {
			_ = r.in.Close() // the worker's sign to end
			stuck := time.AfterFunc(closeTime, r.kill)
			defer stuck.Stop()
			errs[i] = r.cmd.Wait()
		})
	}
	ended.Wait()
	c.workers = nil
	return errors.Join(errs...)
}
