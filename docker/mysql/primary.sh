#!/bin/bash
# Run once, on the empty primary: the account by which the replica reads.
set -eo pipefail
MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --protocol=socket -uroot <<SQL
CREATE USER 'replication'@'%' IDENTIFIED BY '$(</run/secrets/mysql-replication-password)';
GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%';
SQL
