package webtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// buildTimeout bounds one run of a compiler or a bundler.
const buildTimeout = 2 * time.Minute

// stranger is an app that has bellhop-client as npm packs it, beside a gateway.
type stranger struct {
	*house
	dir string // of the app
}

// newStranger makes a copy of an example, and installs what its lock pins and the
// packed client there.
func newStranger(t *testing.T, framework string) stranger {
	t.Helper()
	npm := testenv.NPM(t)
	root := t.TempDir()
	s := stranger{newHouse(t), filepath.Join(root, framework)}
	testenv.RunNPM(t, root, "pack", filepath.Dir(npm))
	packed, err := filepath.Glob(filepath.Join(root, "*.tgz"))
	require.NoError(t, err)
	require.Len(t, packed, 1)
	examples := filepath.Join(filepath.Dir(npm), "examples")
	copyTree(t, filepath.Join(examples, "dev.js"), filepath.Join(root, "dev.js"))
	copyTree(t, filepath.Join(examples, framework), s.dir)
	copyTree(t, filepath.Join(npm, "packages", framework), s.dir)
	copyTree(t, filepath.Join(npm, "packages", "tsconfig.json"), filepath.Join(s.dir, "tsconfig.json"))
	testenv.RunNPM(t, s.dir, "install", packed[0])
	return s
}

// copyTree copies a file or a folder, without what was made there.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		switch target := filepath.Join(to, relative); {
		case !entry.IsDir():
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			return os.WriteFile(target, b, 0o600)
		case entry.Name() == "node_modules" || entry.Name() == "dist":
			return filepath.SkipDir
		default:
			return os.MkdirAll(target, 0o700)
		}
	}))
}

// node runs a script in the app's folder and returns what it printed.
func (s stranger) node(script string, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), buildTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, testenv.Node(s.t), append([]string{script}, args...)...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s %s:\n%s", script, args, out)
	return string(out)
}

// tool is a program that the tests have from npm.
func (s stranger) tool(name ...string) string {
	s.t.Helper()
	return filepath.Join(append([]string{testenv.NodeModules(s.t, testenv.NPM(s.t))}, name...)...)
}

// serve builds the app as its README says and serves it, with cases.html beside it:
// what a server rendered, and a script in the framework's development build.
func (s stranger) serve() (url string) {
	s.t.Helper()
	vite := filepath.Join("node_modules", "vite", "bin", "vite.js")
	s.node(vite, "build")
	s.node(s.tool("esbuild", "bin", "esbuild"), "cases.js", "--bundle", "--format=esm", "--outfile=dist/cases.js",
		`--define:process.env.NODE_ENV="development"`, "--define:__VUE_OPTIONS_API__=true", "--define:__VUE_PROD_DEVTOOLS__=false",
		"--define:__VUE_PROD_HYDRATION_MISMATCH_DETAILS__=true")
	page := `<!doctype html><title>Cases</title><link rel="icon" href="data:,"><div id="app">` +
		strings.TrimSpace(s.node("ssr.mjs")) + `</div><script type="module" src="/cases.js"></script>`
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, "dist", "cases.html"), []byte(page), 0o600))

	addr := testenv.Address(s.t)
	host, port, _ := strings.Cut(addr, ":")
	// Not the test's context: that ends before the browser does.
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, testenv.Node(s.t), vite, "preview", "--host", host, "--port", port, "--strictPort")
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "BELLHOP_URL="+s.bellhop.URL, "BELLHOP_JWT_SECRET="+signingKey)
	var printed output
	cmd.Stdout, cmd.Stderr = &printed, &printed
	require.NoError(s.t, cmd.Start())
	s.t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	// It is asked, not read: where CI is set, the tools colour the addresses that they print.
	require.Eventually(s.t, func() bool {
		conn, err := net.Dial("tcp", addr)
		return err == nil && conn.Close() == nil
	}, patience, tick, "%s", &printed)
	return "http://" + addr
}

// TestPackages: bellhop-client/react and bellhop-client/vue, in apps that have them as npm packs them.
func TestPackages(t *testing.T) {
	t.Parallel()
	for framework, cases := range map[string]func(stranger, *visitor){"react": stranger.reactCases, "vue": stranger.vueCases} {
		t.Run(framework, func(t *testing.T) {
			s := newStranger(t, framework)
			s.node(s.tool("typescript", "bin", "tsc"), "-p", ".")
			require.Contains(t, s.node("ssr.mjs"), "<p>0 true connecting 0<bellhop-bell></bellhop-bell></p>")
			url := s.serve()
			v := &visitor{t: t, tab: testenv.Chromium(t)}
			s.example(v, url)
			v.do(chromedp.Navigate(url + "/cases.html"))
			cases(s, v)
		})
	}
}

// example: the app shows what arrives and marks it as read.
func (s stranger) example(v *visitor, url string) {
	text := func(id string) string { return `document.querySelector("#` + id + `")?.textContent` }
	v.do(chromedp.Navigate(url + "/?user=ada"))
	v.until(text("status") + ` === "live"`)
	s.publish("ada", texts(1, 2)...)
	v.until(text("latest") + ` === "Message 2" && ` + text("unread") + ` === "2" && document.querySelectorAll("li b").length === 2`)
	v.until(`document.querySelector("bellhop-bell").client.unread === 2`)
	v.do(chromedp.Click(chromedp.CSS("#mark")))
	v.until(text("unread") + ` === "0" && document.querySelectorAll("li").length === 2 && document.querySelector("li b") === null`)
	v.do(chromedp.Reload())
	v.until(text("status") + ` === "live" && ` + text("unread") + ` === "0" && ` + text("latest") + ` === "nothing yet"`)
}

const (
	asked = `requests.filter((path) => path === "/v1/stream").length`
	shown = `document.querySelector("#app p")?.firstChild.data`
)

// hydrated: the page comes to life without a difference from what a server rendered,
// by one client, which opens one stream.
func (s stranger) hydrated(v *visitor) {
	v.until(`typeof hydrate === "function"`)
	v.js(`hydrate()`)
	v.until(shown + ` === "0 false live 0"`)
	for i := 1; i <= 2; i++ {
		s.publish("cases", texts(i, i)...)
		v.until(shown + fmt.Sprintf(` === "%d false live %d"`, i, i))
	}
	require.Equal(s.t, `[[[1,0],[2,1]],[],1]`, v.js(`[seen.events, faults, `+asked+`]`))
	v.until(`JSON.stringify(seen.notes) === "[2,1]"`)
	s.eventuallyStreams("1")
}

// reactCases are in StrictMode, which mounts everything twice.
func (s stranger) reactCases(v *visitor) {
	s.hydrated(v)
	require.Equal(s.t, `[1,[]]`, v.js(`[seen.clients.size, seen.faults]`), "an effect has a client, and the one of the first try is seen by nobody")
	v.js(`render({ token: () => Promise.reject(new Error("not now")) })`)
	v.until(shown + ` === "2 false live 2"`)
	require.Equal(s.t, `[1,1]`, v.js(`[seen.clients.size, `+asked+`]`), "another function is no other client")
	v.js(`render({ pageSize: 5 })`)
	v.until(`seen.clients.size === 2 && [...seen.clients][0].status.state === "closed" && [...seen.clients][1].status.state === "live"`)
	s.eventuallyStreams("1")
	v.js(`unmount()`)
	s.eventuallyStreams("0")
	v.js(`mount()`)
	v.until(shown + ` === "2 false live 0"`)
	s.publish("cases", texts(3, 3)...)
	v.until(shown + ` === "3 false live 3"`)
	v.js(`unmount()`)
	v.until(`[...seen.clients].every(({ status }) => status.state === "closed")`)
	require.Equal(s.t, `[]`, v.js(`faults`))
}

func (s stranger) vueCases(v *visitor) {
	s.hydrated(v)
	v.js(`(inner.value = true, 0)`)
	v.until(`seen.clients.size === 2 && [...seen.clients].every(({ status }) => status.state === "live")`)
	s.eventuallyStreams("2")
	s.publish("cases", texts(3, 3)...)
	v.until(`seen.events.length === 4`)
	v.js(`(inner.value = false, 0)`)
	v.until(`[...seen.clients][1].status.state === "closed"`)
	s.publish("cases", texts(4, 4)...)
	v.until(shown + ` === "4 false live 4"`)
	require.Equal(s.t, "5", v.js(`seen.events.length`), "a listener ends with its component")
	v.js(`unmount()`)
	v.until(`[...seen.clients].every(({ status }) => status.state === "closed")`)
	s.eventuallyStreams("0")
	require.Equal(s.t, `[]`, v.js(`faults`))
}
