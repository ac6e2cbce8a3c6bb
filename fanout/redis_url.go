package fanout

import (
	"cmp"
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

// Buffers of a connection, for each direction, unless the URL sets others. A crowd
// of clients that reconnect makes the pool grow to its limit, and go-redis' own 32 and 128 KiB
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
func OpenRedis(address string) (redis.UniversalClient, error) {
	return OpenRedisAs(address, nil, new(Account))
}

// CheckRedis returns what is wrong with an address, without connecting. Who only
// asks needs no client, whose 1,500 methods the compiler makes anew, in more than a
// second, in each package that handles one.
func CheckRedis(address string) error {
	client, err := OpenRedis(address)
	if err != nil {
		return err
	}
	return client.Close()
}

// OpenRedisAs is OpenRedis with an account that may change later, and with the
// authorities that servers are certified by and the certificates that the client shows,
// both from trust; nil means those of the system, and none. An address without TLS is
// refused together with it: who names certificates does not want to talk in the clear.
func OpenRedisAs(address string, trust *tls.Config, account *Account) (redis.UniversalClient, error) {
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
		return openSingle(base+"://"+rest, trust, account)
	case "sentinel", "cluster":
		u, err := parseHosts(rest)
		if err != nil {
			return nil, err
		}
		if mode == "cluster" {
			return openCluster(base, u, trust, account)
		}
		return openSentinel(base, u, trust, account)
	}
	return nil, fmt.Errorf("%w: scheme %q", ErrRedisURL, scheme)
}

func openSingle(address string, trust *tls.Config, account *Account) (redis.UniversalClient, error) {
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
	o.CredentialsProvider = account.provider(o.Username, o.Password)
	return redis.NewClient(o), nil
}

func openSentinel(base string, u hostsURL, trust *tls.Config, account *Account) (redis.UniversalClient, error) {
	if u.path == "" || strings.Contains(u.path, "/") {
		return nil, fmt.Errorf("%w: want the master's name after the sentinels", ErrRedisURL)
	}
	sentinelUser, sentinelPassword := u.query.Get("sentinel_username"), u.query.Get("sentinel_password")
	u.query.Del("sentinel_username")
	u.query.Del("sentinel_password")
	u.query.Set("master_name", u.path)
	o, err := redis.ParseFailoverURL(u.single(base))
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
	o.CredentialsProvider = account.provider(o.Username, o.Password)
	return redis.NewFailoverClient(o), nil
}

func openCluster(base string, u hostsURL, trust *tls.Config, account *Account) (redis.UniversalClient, error) {
	if u.path != "" {
		return nil, fmt.Errorf("%w: a Cluster has no databases", ErrRedisURL)
	}
	o, err := redis.ParseClusterURL(u.single(base))
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
	o.CredentialsProvider = account.provider(o.Username, o.Password)
	return redis.NewClusterClient(o), nil
}

// hostsURL is a URL of several hosts, without its scheme.
type hostsURL struct {
	account string // with its @
	hosts   []string
	path    string
	query   url.Values
}

// parseHosts takes a URL apart by hand: one host is all that net/url knows.
func parseHosts(text string) (u hostsURL, err error) {
	text, raw, _ := strings.Cut(text, "?")
	if u.query, err = url.ParseQuery(raw); err != nil {
		return hostsURL{}, fmt.Errorf("%w: malformed parameters", ErrRedisURL)
	}
	authority, path, _ := strings.Cut(text, "/")
	u.path = strings.Trim(path, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		u.account, authority = authority[:i+1], authority[i+1:]
	}
	u.hosts = strings.Split(authority, ",")
	for _, host := range u.hosts {
		if _, port, err := net.SplitHostPort(host); err != nil || port == "" {
			return hostsURL{}, fmt.Errorf("%w: want host:port, separated by commas", ErrRedisURL)
		}
	}
	return u, nil
}

// single is the URL as go-redis reads it: of one host, the others as parameters.
func (u hostsURL) single(base string) string {
	for _, host := range u.hosts[1:] {
		u.query.Add("addr", host)
	}
	return base + "://" + u.account + u.hosts[0] + "?" + u.query.Encode()
}

// refuse leaves the address out of an error of net/url.
func refuse(err error) error {
	if _, ok := errors.AsType[*url.Error](err); ok {
		// Its text quotes the address, which may hold a password.
		return fmt.Errorf("%w: it can't be parsed; are special characters of a password percent-encoded?", ErrRedisURL)
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

func setDefault[T comparable](field *T, value T) { *field = cmp.Or(*field, value) }

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
