#!/bin/bash
# Run once, on the empty replica. Its own first transactions are forgotten, or it
# could never follow the primary by GTID. Replication begins with the server's real
# start. A primary that is away is tried every second, for a day: the default gives
# up after ten minutes.
set -eo pipefail
MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket -uroot <<SQL
RESET BINARY LOGS AND GTIDS;
CHANGE REPLICATION SOURCE TO
  SOURCE_HOST='mysql-primary', SOURCE_USER='replication',
  SOURCE_PASSWORD='$(</run/secrets/mysql-replication-password)',
  SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1,
  SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400;
SET PERSIST_ONLY super_read_only=ON;
SQL
