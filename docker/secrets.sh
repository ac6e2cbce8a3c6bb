#!/bin/sh
# Makes the secrets that are missing in /run/secrets, at random. They live in a
# volume, or in the folder that SECRETS names: put your own there before the first
# start to have them used instead.
set -eu
cd /run/secrets

# 32 characters, the most that a replication password may have.
random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

make() { # NAME TEXT
	[ -s "$1" ] || { printf '%s' "$2" >"$1.new" && chmod 444 "$1.new" && mv "$1.new" "$1"; }
}

make mysql-root-password "$(random)"
make mysql-password "$(random)"
make mysql-replication-password "$(random)"
make mysql-primary "bellhop:$(cat mysql-password)@tcp(mysql-primary:3306)/bellhop"
make mysql-replicas "bellhop:$(cat mysql-password)@tcp(mysql-replica:3306)/bellhop"
make jwt-secret "$(random)"
make service-keys "backend=$(random)"
