package testenv

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
)

const groupMembers = "performance_schema.replication_group_members"

// groupReplication is MySQL's, with one primary.
func groupReplication(e Engine) GroupKind {
	return GroupKind{
		Name: "group-replication", engine: e,
		build: buildGroupReplication,
		writable: "SELECT SUM(member_id = @@server_uuid AND member_state = 'ONLINE' AND member_role = 'PRIMARY') AND NOT @@super_read_only" +
			" AND 2 * SUM(member_state IN ('ONLINE', 'RECOVERING')) > COUNT(*) FROM " + groupMembers,
		rejoin: func(ctx context.Context, s *SQLServer) error {
			if err := s.start(); err != nil {
				return err
			}
			return joinGroup(ctx, s)
		},
		handover: func(ctx context.Context, s *SQLServer) error {
			var id, said string
			if err := s.admin.QueryRowContext(ctx, "SELECT @@server_uuid").Scan(&id); err != nil {
				return err
			}
			return s.admin.QueryRowContext(ctx, "SELECT group_replication_set_as_primary('"+id+"')").Scan(&said)
		},
	}
}

func buildGroupReplication(g *Group, members int) error {
	addrs := make([]string, members)
	for i := range addrs {
		p, err := reservePort()
		if err != nil {
			return err
		}
		defer p.release()
		addrs[i] = p.addr()
	}
	name := fmt.Sprintf("%08x-0000-4000-8000-%012x", rand.Uint32(), rand.Uint32())
	err := fromTemplate(g.Kind.engine, func(template string) error {
		for i := range members {
			s, err := newSQLServer(g.Kind.engine, template, rand.Uint32N(1<<31)+1, options{server: []string{
				"--performance-schema=ON", "--plugin-load-add=group_replication.so", "--report-host=127.0.0.1",
				"--group-replication-group-name=" + name, "--group-replication-start-on-boot=OFF",
				"--group-replication-local-address=" + addrs[i], "--group-replication-group-seeds=" + strings.Join(addrs, ","),
				"--group-replication-recovery-get-public-key=ON", "--group-replication-member-expel-timeout=0",
				"--group-replication-consistency=BEFORE_ON_PRIMARY_FAILOVER",
			}})
			if err != nil {
				return err
			}
			g.Members = append(g.Members, s)
		}
		return nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for i, s := range g.Members {
		if err := s.createAccounts(ctx); err != nil {
			return err
		}
		if err := s.outsideLog(ctx,
			fmt.Sprintf("GRANT CONNECTION_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO '%s'@'%%'", replicaUser),
			fmt.Sprintf("GRANT SELECT ON %s TO '%s'@'%%'", groupMembers, appUser)); err != nil {
			return err
		}
		if _, err := s.admin.ExecContext(ctx, fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_USER='%s', SOURCE_PASSWORD='%s' FOR CHANNEL 'group_replication_recovery'",
			replicaUser, replicaPassword)); err != nil {
			return err
		}
		if err := s.bootstraps(ctx, i == 0); err != nil {
			return err
		}
		if err := joinGroup(ctx, s); err != nil {
			return err
		}
		if err := s.bootstraps(ctx, false); err != nil {
			return err
		}
	}
	return nil
}

// bootstraps tells whether the server makes a group when it is to join one.
func (s *SQLServer) bootstraps(ctx context.Context, is bool) error {
	_, err := s.admin.ExecContext(ctx, fmt.Sprintf("SET GLOBAL group_replication_bootstrap_group = %t", is))
	return err
}

func joinGroup(ctx context.Context, s *SQLServer) error {
	if _, err := s.admin.ExecContext(ctx, "START GROUP_REPLICATION"); err != nil {
		return err
	}
	return s.reaches(ctx, "SELECT SUM(member_id = @@server_uuid AND member_state = 'ONLINE') FROM "+groupMembers, 1)
}
