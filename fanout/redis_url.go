package fanout

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrRedisURL is what every refusal of an address wraps. Its text never holds the
// address, which may hold a password.
var ErrRedisURL = errors.New("invalid Redis URL")

// Bounds of one command, unless the URL sets others. They are well below
// go-redis' own: nothing in Bellhop waits for Redis for long.
const (
	dialTimeout  = 2 * time.Second
	redisTimeout = 2 * time.Second
	redisRetries = 2
)

// Buffers of a connection, for each direction, unless the URL sets others. A storm
// of clients makes the pool grow to its limit, and go-redis' own 32 and 128 KiB
// would then be more than a megabyte of a gateway, for commands of some hundred bytes.
const (
	redisBuffer    = 8 << 10
	pipelineBuffer = 32 << 10
)

// OpenRedis makes a client, without connecting. The address is one of
//
//	redis://[user:password@]host[:port][/db]
//	redis+sentinel://[user:password@]host:port,host:port/master
//	redis+cluster://[user:password@]host:port,host:port
//
// or the same with rediss for TLS. The parameters of go-redis may follow, such as
// ?dial_timeout=5s; for Sentinel, user and password are those of the servers,
// and sentinel_username and sentinel_password those of the sentinels themselves.
// The caller closes the client.
func OpenRedis(address string) (redis.UniversalClient, error) { return OpenRedisTLS(address, nil) }

// OpenRedisTLS is OpenRedis with the authorities that servers are certified by
// and the certificates that the client shows, both from trust; nil means those
// of the system, and none. An address without TLS is refused together with it:
// who names certificates does not want to talk in the clear.
func OpenRedisTLS(address string, trust *tls.Config) (redis.UniversalClient, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return nil, fmt.Errorf("%w: no scheme", ErrRedisURL)
	}
	base, mode, _ := strings.Cut(scheme, "+")
	switch {
	case base != "redis" && base != "rediss":
		return nil, fmt.Errorf("%w: scheme %q", ErrRedisURL, scheme)
	case base == "redis" && trust != nil:
		return nil, fmt.Errorf("%w: certificates need the scheme rediss", ErrRedisURL)
	}
	switch mode {
	case "":
		return openSingle(base+"://"+rest, trust)
	case "sentinel":
		return openSentinel(base, rest, trust)
	case "cluster":
		return openCluster(base, rest, trust)
	}
	return nil, fmt.Errorf("%w: scheme %q", ErrRedisURL, scheme)
}

func openSingle(address string, trust *tls.Config) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, refuse(err)
	}
	setTimeouts(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.MaxRetries, &o.DialerRetries)
	setBuffers(&o.ReadBufferSize, &o.WriteBufferSize, &o.PipelineReadBufferSize, &o.PipelineWriteBufferSize)
	o.ContextTimeoutEnabled = true
	o.MaintNotificationsConfig = noMaintenance()
	certify(o.TLSConfig, trust)
	o.Dialer = dialer(o.TLSConfig, o.DialTimeout)
	return redis.NewClient(o), nil
}

func openSentinel(base, rest string, trust *tls.Config) (redis.UniversalClient, error) {
	hosts, after, err := splitHosts(rest)
	if err != nil {
		return nil, err
	}
	path, query, err := splitPath(after)
	if err != nil {
		return nil, err
	}
	if path == "" || strings.Contains(path, "/") {
		return nil, fmt.Errorf("%w: want the master's name after the sentinels", ErrRedisURL)
	}
	sentinelUser, sentinelPassword := query.Get("sentinel_username"), query.Get("sentinel_password")
	query.Del("sentinel_username")
	query.Del("sentinel_password")
	query.Set("master_name", path)
	o, err := redis.ParseFailoverURL(rebuild(base, hosts, query))
	if err != nil {
		return nil, refuse(err)
	}
	// The library takes the URL's account for that of the sentinels.
	o.Username, o.Password = o.SentinelUsername, o.SentinelPassword
	o.SentinelUsername, o.SentinelPassword = sentinelUser, sentinelPassword
	setTimeouts(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.MaxRetries, &o.DialerRetries)
	setBuffers(&o.ReadBufferSize, &o.WriteBufferSize, &o.PipelineReadBufferSize, &o.PipelineWriteBufferSize)
	o.ContextTimeoutEnabled = true
	perHost(o.TLSConfig)
	certify(o.TLSConfig, trust)
	o.Dialer = dialer(o.TLSConfig, o.DialTimeout)
	return redis.NewFailoverClient(o), nil
}

func openCluster(base, rest string, trust *tls.Config) (redis.UniversalClient, error) {
	hosts, after, err := splitHosts(rest)
	if err != nil {
		return nil, err
	}
	path, query, err := splitPath(after)
	if err != nil {
		return nil, err
	}
	if path != "" {
		return nil, fmt.Errorf("%w: a Cluster has no databases", ErrRedisURL)
	}
	o, err := redis.ParseClusterURL(rebuild(base, hosts, query))
	if err != nil {
		return nil, refuse(err)
	}
	setTimeouts(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.MaxRetries, &o.DialerRetries)
	setBuffers(&o.ReadBufferSize, &o.WriteBufferSize, &o.PipelineReadBufferSize, &o.PipelineWriteBufferSize)
	o.ContextTimeoutEnabled = true
	o.MaintNotificationsConfig = noMaintenance()
	perHost(o.TLSConfig)
	certify(o.TLSConfig, trust)
	o.Dialer = dialer(o.TLSConfig, o.DialTimeout)
	return redis.NewClusterClient(o), nil
}

// hosts is the authority of a URL that names several.
type hosts struct {
	account string // with its @
	addrs   []string
}

// splitHosts takes an authority apart by hand: a URL of one host is all that
// net/url knows.
func splitHosts(rest string) (hosts, string, error) {
	authority, after := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, after = rest[:i], rest[i:]
	}
	var h hosts
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		h.account, authority = authority[:i+1], authority[i+1:]
	}
	for addr := range strings.SplitSeq(authority, ",") {
		if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
			return hosts{}, "", fmt.Errorf("%w: want host:port, separated by commas", ErrRedisURL)
		}
		h.addrs = append(h.addrs, addr)
	}
	return h, after, nil
}

func splitPath(after string) (path string, query url.Values, err error) {
	path, raw, _ := strings.Cut(after, "?")
	query, err = url.ParseQuery(raw)
	if err != nil {
		return "", nil, fmt.Errorf("%w: malformed parameters", ErrRedisURL)
	}
	return strings.Trim(path, "/"), query, nil
}

// rebuild makes the URL that go-redis reads: one host, the others as parameters.
func rebuild(base string, h hosts, query url.Values) string {
	for _, addr := range h.addrs[1:] {
		query.Add("addr", addr)
	}
	return base + "://" + h.account + h.addrs[0] + "?" + query.Encode()
}

// refuse leaves the address out of an error of net/url.
func refuse(err error) error {
	if _, ok := errors.AsType[*url.Error](err); ok {
		// Its text quotes the address, which may hold a password.
		return fmt.Errorf("%w: it can't be taken apart; are special characters of a password percent-encoded?", ErrRedisURL)
	}
	return fmt.Errorf("%w: %w", ErrRedisURL, err)
}

func setTimeouts(dial, read, write *time.Duration, retries, dials *int) {
	setDefault(dial, dialTimeout)
	setDefault(read, redisTimeout)
	setDefault(write, redisTimeout)
	setDefault(retries, redisRetries)
	setDefault(dials, 1) // a command is retried, so its dialling need not be
}

func setBuffers(read, write, pipelineRead, pipelineWrite *int) {
	setDefault(read, redisBuffer)
	setDefault(write, redisBuffer)
	setDefault(pipelineRead, pipelineBuffer)
	setDefault(pipelineWrite, pipelineBuffer)
}

// noMaintenance turns off a handshake for a hosted Redis that announces its
// maintenance: it moves connections behind the back of a subscriber.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// perHost has each server prove the name that it was dialled by: go-redis expects
// the first one's name of all of them.
func perHost(c *tls.Config) {
	if c != nil {
		c.ServerName = ""
	}
}

// certify takes authorities and certificates over from trust.
func certify(c, trust *tls.Config) {
	if c != nil && trust != nil {
		c.RootCAs, c.Certificates = trust.RootCAs, trust.Certificates
	}
}
