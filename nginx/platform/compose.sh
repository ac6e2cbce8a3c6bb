# The platform of docker-compose.yml: what nginx/deploy needs of it. COMPOSE is the
# command, "docker compose" or "docker-compose".
# shellcheck shell=sh disable=SC2154 # nginx/deploy sets $here

root=$here/..
settings=${ENV_FILE:-$root/.env}

compose() {
	# shellcheck disable=SC2086 # two words
	(cd "$root" && ${COMPOSE:-docker compose} "$@")
}

variable() { echo "BELLHOP_$(echo "$1" | tr '[:lower:]' '[:upper:]')_IMAGE"; }

# gateway_start COLOUR [IMAGE [SCALE]]: with an image it is written to .env first,
# so that a later `up` does not start another one. Without, the containers are the
# same as before. Without a scale there are as many as of the other colour.
gateway_start() {
	if [ -n "$2" ]; then
		name=$(variable "$1")
		touch "$settings"
		{ grep -v "^$name=" "$settings" || :; echo "$name=$2"; } >"$settings.new"
		mv "$settings.new" "$settings"
	fi
	scale=${3:-$(containers "$(other "$1")" | wc -l)}
	compose up -d --no-deps --no-build --scale "gateway-$1=$scale" "gateway-$1" >&2
}

containers() { compose ps -q "gateway-$1"; }

# gateway_ready COLOUR: every container says so itself.
gateway_ready() {
	ids=$(containers "$1")
	[ -n "$ids" ] || return 1
	for id in $ids; do
		docker exec "$id" /usr/local/bin/gateway health >/dev/null 2>&1 || return 1
	done
}

# One name for all containers of a colour; Nginx resolves it at every reload.
gateway_addresses() { echo "gateway-$1:8080"; }

gateway_log() { compose logs --tail 20 "gateway-$1"; }

# gateway_stop COLOUR drains: SIGTERM, and the time of stop_grace_period.
gateway_stop() { compose stop "gateway-$1" >&2; }

edge() { compose exec -T nginx "$@"; }

# In one go: `exec` alone takes a second on a busy machine.
edge_colour() {
	edge sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do curl -sf http://127.0.0.1:8082/colour || exit; done' </dev/null | sort -u
}

upstream=/etc/nginx/bellhop/upstream/gateway.conf

# edge_write puts what it reads in place at once: Nginx sees the old file or the
# new one. A rename needs a mounted folder; a mounted file would stay the old one.
edge_write() { edge sh -c "cat >$upstream.new && mv $upstream.new $upstream"; }
edge_reload() { edge sh /bellhop/reload /run/nginx.pid </dev/null; }
