# The platform of the tests: gateways are processes that the test starts and stops,
# Nginx is one of this machine.
# shellcheck shell=sh disable=SC2154 # nginx/deploy sets $here

ask() { curl -sf --max-time 60 "$CONTROL/$1" >&2; }

gateway_start() { ask "start?colour=$1&image=$2&scale=$3"; }
gateway_ready() { ask "ready?colour=$1"; }
gateway_addresses() { curl -sf "$CONTROL/addresses?colour=$1"; }
gateway_log() { ask "log?colour=$1"; }
gateway_stop() { ask "stop?colour=$1"; }

upstream=$EDGE_DIR/bellhop/upstream/gateway.conf

edge_colour() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do curl -sf "http://$EDGE_STATUS/colour" || return; done | sort -u
}
edge_write() { cat >"$upstream.new" && mv "$upstream.new" "$upstream"; }
edge_reload() {
	sh "$here/reload" "$EDGE_DIR/nginx.pid" -p "$EDGE_DIR" -c "$EDGE_DIR/nginx.conf" -e stderr -g "pid $EDGE_DIR/nginx.pid;" || return
	signal=$BREAK_OFF BREAK_OFF=
	[ -z "$signal" ] || kill -s "$signal" $$
}
