package toolstest

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// packageFiles are what the packages install: all of it is root's.
const packageFiles = `
-rw-r----- /etc/bellhop/bellhop-gateway.env
-rw-r----- /etc/bellhop/bellhop-notifier.env
-rw-r----- /etc/bellhop/bellhop.env
-rw-r--r-- /usr/lib/systemd/system/bellhop-gateway.service
-rw-r--r-- /usr/lib/systemd/system/bellhop-notifier.service
-rw-r--r-- /usr/lib/systemd/system/bellhop.service
-rw-r--r-- /usr/lib/sysusers.d/bellhop.conf
-rw-r--r-- /usr/share/doc/bellhop/README.md
-rw-r--r-- /usr/share/doc/bellhop/copyright
-rwxr-xr-x /usr/bin/bellhop
-rwxr-xr-x /usr/bin/bellhop-gateway
-rwxr-xr-x /usr/bin/bellhop-notifier
`

// packageHolds: programs, units, settings and the account, and who made it.
func packageHolds(t *testing.T, dist string) {
	t.Helper()
	deb := only(t, dist, platform+".deb")
	var have []string
	for line := range strings.Lines(run(t, root, "dpkg-deb", "-c", deb)) {
		fields := strings.Fields(line)
		require.Len(t, fields, 6)
		require.Equal(t, "root/root", fields[1], line)
		if !strings.HasSuffix(fields[5], "/") {
			have = append(have, fields[0]+" "+strings.TrimPrefix(fields[5], "."))
		}
	}
	require.ElementsMatch(t, strings.Split(strings.TrimSpace(packageFiles), "\n"), have)
	scripts := run(t, root, "dpkg-deb", "-I", deb)
	for _, name := range []string{"conffiles", "postinst", "postrm", "prerm"} {
		require.Contains(t, scripts, " "+name)
	}
	require.NotContains(t, run(t, root, "dpkg-deb", "-f", deb, "Maintainer", "Homepage"), "$")
}

// packageStarts runs the command of the unit with what the package brings, as a user
// that has no rights if this one may choose. tools/releasecheck installs it.
func packageStarts(t *testing.T, dist string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "bellhop-package-") //nolint:usetesting // what is above a folder of the test no other user enters
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755)) // another user gets in
	run(t, dir, "dpkg-deb", "-x", only(t, dist, platform+".deb"), ".")
	unit, err := os.ReadFile(filepath.Join(dir, "usr/lib/systemd/system/bellhop.service"))
	require.NoError(t, err)
	setting := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + `=(.+)$`).FindSubmatch(unit)
		require.NotNil(t, m, name)
		return strings.ReplaceAll(string(m[1]), "%N", "bellhop")
	}
	user, err := os.ReadFile(filepath.Join(dir, "usr/lib/sysusers.d/bellhop.conf"))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^u `+setting("User")+` `, string(user), "the package makes the unit's user")

	const id = 64207
	attr := new(syscall.SysProcAttr)
	if os.Geteuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: id, Gid: id}
	}
	give := func(name string, owner int, mode os.FileMode) {
		require.NoError(t, os.Chmod(filepath.Join(dir, name), mode))
		if attr.Credential != nil {
			require.NoError(t, os.Chown(filepath.Join(dir, name), owner, id))
		}
	}
	work := setting("WorkingDirectory")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, work), 0o755)) // with what leads there
	give(work, id, 0o750)
	public := testenv.Address(t)
	environ := []string{"BELLHOP_LISTEN=" + public, "BELLHOP_ADMIN_LISTEN=" + testenv.Address(t)}
	settings, err := os.ReadFile(filepath.Join(dir, setting("EnvironmentFile")))
	require.NoError(t, err)
	key := strings.Repeat("k", 64)
	for _, m := range regexp.MustCompile(`(?m)^(\w+)=(.*)$`).FindAllStringSubmatch(string(settings), -1) {
		if strings.HasSuffix(m[1], "_FILE") { // which postinst makes
			require.NoError(t, os.WriteFile(filepath.Join(dir, m[2]), []byte("backend="+key+"\n"), 0o600))
			give(m[2], 0, 0o640)
			m[2] = filepath.Join(dir, m[2])
		}
		environ = append(environ, m[1]+"="+m[2])
	}
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(dir, args[0]), args[1:]...)
		cmd.Dir, cmd.Env, cmd.SysProcAttr = filepath.Join(dir, work), environ, attr
		return cmd
	}
	launch(t, command(strings.Fields(setting("ExecStart"))...))
	ready(t, "http://"+public)
	out, err := command("/usr/bin/bellhop", "health").CombinedOutput()
	require.NoError(t, err, "%s", out)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+public+"/v1/events",
		strings.NewReader(`{"channels":["user:42"],"type":"comment","data":{}}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	require.Equal(t, http.StatusCreated, status(t, req))
	kept, err := os.Stat(filepath.Join(dir, work, "bellhop.db"))
	require.NoError(t, err)
	require.Zero(t, kept.Mode().Perm()&0o007, "nobody else reads the events")

	out, err = command("/usr/bin/bellhop-gateway").CombinedOutput()
	require.Error(t, err, "a gateway without settings says what it lacks")
	require.Contains(t, string(out), "BELLHOP_MYSQL_PRIMARY")
}

func ready(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/readyz", http.NoBody)
		require.NoError(t, err)
		return status(t, req) == http.StatusOK
	}, patience, tick, "%s is ready", url)
}

// status is what is answered; none if nobody does.
func status(t *testing.T, req *http.Request) int {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	require.NoError(t, resp.Body.Close(), fmt.Sprint(req.URL))
	return resp.StatusCode
}
