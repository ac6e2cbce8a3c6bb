package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// galeraLibrary comes with Debian's mariadb-server.
const galeraLibrary = "/usr/lib/galera/libgalera_smm.so"

// galera is MariaDB's, in which every node takes writes.
var galera = GroupKind{
	Name: "galera", engine: Engine{Name: "mariadb", dialect: mariadb},
	build:    buildGalera,
	writable: galeraReady,
	rejoin:   rejoinGalera,
}

const galeraReady = "SELECT COUNT(*) = 2 FROM information_schema.global_status WHERE" +
	" variable_name = 'wsrep_ready' AND variable_value = 'ON' OR variable_name = 'wsrep_cluster_status' AND variable_value = 'Primary'"

func buildGalera(g *Group, nodes int) error {
	if _, err := os.Stat(galeraLibrary); err != nil {
		return fmt.Errorf("install the package galera-4: %w", err)
	}
	var ports []*port // of the group, of states that are sent in part, and whole
	for range 3 * nodes {
		p, err := reservePort()
		if err != nil {
			return err
		}
		defer p.release()
		ports = append(ports, p)
	}
	addrs := make([]string, nodes)
	for i := range addrs {
		addrs[i] = ports[i].addr()
	}
	// All of a cluster have one number, as MariaDB's pages advise.
	id := rand.Uint32N(1<<31) + 1
	err := fromTemplate(g.Kind.engine, func(template string) error {
		for i := range nodes {
			address := "gcomm://"
			if i > 0 {
				address += strings.Join(addrs, ",")
			}
			o := options{unprivileged: true, server: []string{
				"--wsrep-on=ON", "--wsrep-provider=" + galeraLibrary, "--wsrep-cluster-address=" + address,
				"--wsrep-cluster-name=bellhop", "--wsrep-node-address=127.0.0.1", "--wsrep-node-name=" + addrs[i],
				"--innodb-autoinc-lock-mode=2", "--wsrep-sst-method=rsync", "--wsrep-sst-receive-address=" + ports[nodes+i].addr(),
				fmt.Sprintf("--wsrep-provider-options=base_host=127.0.0.1;base_port=%d;gmcast.listen_addr=tcp://%s;ist.recv_addr=%s;gcache.size=16M",
					ports[i].number, addrs[i], ports[2*nodes+i].addr()),
			}}
			s, err := newSQLServer(g.Kind.engine, template, id, o)
			if err != nil {
				return err
			}
			g.Members = append(g.Members, s)
			ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
			err = s.reaches(ctx, galeraReady, 1)
			if err == nil && i == 0 {
				err = s.createAccounts(ctx) // the others get them with the state
			}
			cancel()
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Whoever is started again is to join, the first node too.
	for i, a := range g.Members[0].args {
		if strings.HasPrefix(a, "--wsrep-cluster-address=") {
			g.Members[0].args[i] = "--wsrep-cluster-address=gcomm://" + strings.Join(addrs, ",")
		}
	}
	return nil
}

var galeraPosition = regexp.MustCompile(`Recovered position: (\S+)`)

// rejoinGalera finds out how far the node had got, as mariadbd-safe does, and starts it.
func rejoinGalera(ctx context.Context, s *SQLServer) error {
	log := filepath.Join(filepath.Dir(s.data), "recover.log")
	args := append(slices.Clone(s.args), "--wsrep-recover", "--log-error="+log)
	cmd := exec.CommandContext(ctx, s.path, args...)
	cmd.Env = append(os.Environ(), s.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		said, _ := os.ReadFile(log)
		return fmt.Errorf("recover: %w\n%s%s", err, out, said)
	}
	said, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	found := galeraPosition.FindSubmatch(said)
	if found == nil {
		return errors.New("no position in " + string(bytes.TrimSpace(said)))
	}
	args = s.args
	s.args = append(slices.Clone(args), "--wsrep-start-position="+string(found[1]))
	defer func() { s.args = args }()
	if err := s.start(); err != nil {
		return err
	}
	return s.reaches(ctx, galeraReady, 1)
}

// giveToNobody has what root's own scripts refuse, or do in another account, done by
// an account without rights.
func giveToNobody(dir string) error {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return err
	}
	id, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chown(path, id, -1))
	})
}
