package nginxtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// control starts and stops gateways for nginx/deploy, which asks for it by HTTP:
// it is what an engine of containers is elsewhere.
type control struct {
	program string
	env     []string

	mu      sync.Mutex             // guards all below
	running map[string][]*instance // by colour
	fault   fault
}

// fault is what goes wrong with the next colour.
type fault int

const (
	none      fault = iota
	stillborn       // it is killed as soon as it was started
	misplaced       // it is said to be where nobody is
)

func (c *control) next(f fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// instance is one gateway.
type instance struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once it has ended
	url    chan string   // gets its address
	addr   string
	listed string // the address that Nginx is told
}

// serve answers the platform's questions until the test ends, and returns where.
func (c *control) serve(t *testing.T) string {
	t.Helper()
	c.running = map[string][]*instance{}
	mux := http.NewServeMux()
	handle := func(name string, f func(r *http.Request) (string, error)) {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
			answer, err := f(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_, _ = io.WriteString(w, answer)
		})
	}
	handle("start", c.start)
	handle("ready", c.ready)
	handle("addresses", c.addresses)
	handle("stop", c.stop)
	handle("log", func(*http.Request) (string, error) { return "", nil })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	t.Cleanup(c.killAll)
	return srv.URL
}

func (c *control) start(r *http.Request) (string, error) {
	scale, err := strconv.Atoi(r.FormValue("scale"))
	if err != nil {
		scale = 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for range scale {
		i, err := startInstance(c.program, c.env)
		if err != nil {
			return "", err
		}
		colour := r.FormValue("colour")
		c.running[colour] = append(c.running[colour], i)
		if c.fault == stillborn {
			_ = i.cmd.Process.Kill() // it is there: nobody has waited for it
			continue
		}
		select {
		case i.addr = <-i.url:
		case <-i.exited:
			return "", fmt.Errorf("%s ended", colour)
		case <-time.After(waitFor):
			return "", fmt.Errorf("%s does not say where it serves", colour)
		}
		i.listed = i.addr
		if c.fault == misplaced {
			i.listed = "unknown.invalid:8080"
		}
	}
	return "", nil
}

// startInstance runs a gateway on ports that the kernel chooses; it says which.
func startInstance(program string, env []string) (*instance, error) {
	i := &instance{exited: make(chan struct{}), url: make(chan string, 1)}
	i.cmd = exec.Command(program, "run")
	i.cmd.Env = append(append(os.Environ(), env...), "BELLHOP_LISTEN=127.0.0.1:0", "BELLHOP_ADMIN_LISTEN=127.0.0.1:0")
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	logs, err := i.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := i.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(i.exited)
		for lines := bufio.NewScanner(logs); lines.Scan(); {
			var line struct{ Msg, URL string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				i.url <- strings.TrimPrefix(line.URL, "http://")
			}
		}
		_ = i.cmd.Wait()
	}()
	return i, nil
}

func (c *control) of(r *http.Request) []*instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running[r.FormValue("colour")]
}

func (c *control) ready(r *http.Request) (string, error) {
	all := c.of(r)
	if len(all) == 0 {
		return "", errors.New("nothing runs")
	}
	for _, i := range all {
		resp, err := http.Get("http://" + i.addr + "/readyz")
		if err != nil {
			return "", err
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			return "", fmt.Errorf("%s %w", resp.Status, err)
		}
	}
	return "", nil
}

func (c *control) addresses(r *http.Request) (string, error) {
	var all []string
	for _, i := range c.of(r) {
		all = append(all, i.listed)
	}
	return strings.Join(all, " "), nil
}

// stop drains the gateways of a colour, all at once, and fails unless each ends
// with status 0.
func (c *control) stop(r *http.Request) (string, error) {
	all := c.of(r)
	for _, i := range all {
		_ = i.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	for _, i := range all {
		select {
		case <-i.exited:
		case <-time.After(50 * time.Second):
			return "", errors.New("still there")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, r.FormValue("colour"))
	for _, i := range all {
		if !i.cmd.ProcessState.Success() && i.addr != "" {
			return "", fmt.Errorf("ended with %v", i.cmd.ProcessState)
		}
	}
	return "", nil
}

func (c *control) killAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, all := range c.running {
		for _, i := range all {
			_ = i.cmd.Process.Kill()
			<-i.exited
		}
	}
}
