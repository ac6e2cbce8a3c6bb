package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"sync/atomic"
)

// TLSFiles are the certificates for connections to one kind of server.
type TLSFiles struct {
	CA   string `name:"ca" placeholder:"FILE" help:"PEM file of the certificate authorities that sign the servers' certificates, instead of those of the system."`
	Cert string `name:"cert" placeholder:"FILE" help:"PEM file of the certificate that the program shows to the servers."`
	Key  string `name:"key" placeholder:"FILE" help:"PEM file of that certificate's private key."`

	config *tls.Config
	pair   *atomic.Pointer[tls.Certificate] // shown on connections from now on
}

// Renew takes over the certificate of files that were read anew, and tells whether it
// is another one. The authorities stay those of the start.
func (t *TLSFiles) Renew(from *TLSFiles) bool {
	if t.pair == nil || from.pair == nil {
		return false
	}
	is := from.pair.Load()
	was := t.pair.Swap(is)
	return !slices.EqualFunc(is.Certificate, was.Certificate, bytes.Equal)
}

// check reads the files. prefix is what the flags' names begin with.
func (t *TLSFiles) check(p *SettingErrors, prefix string) {
	if t.CA == "" && t.Cert == "" && t.Key == "" {
		return
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pool, err := readAuthorities(t.CA)
		if err != nil {
			p.addf(prefix+"ca", "%v", err)
		}
		config.RootCAs = pool
	}
	switch {
	case t.Cert == "" && t.Key == "":
	case t.Cert == "":
		p.addf(prefix+"cert", "is required, because --%skey is set", prefix)
	case t.Key == "":
		p.addf(prefix+"key", "is required, because --%scert is set", prefix)
	default:
		// The error tells what is wrong with which file, and nothing that stands
		// in them.
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			p.addf(prefix+"cert", "%v", err)
		}
		t.pair = new(atomic.Pointer[tls.Certificate])
		t.pair.Store(&pair)
		shown := t.pair
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown.Load(), nil }
	}
	t.config = config
}

// Config is what the files say, once Parse succeeded; nil if none was named.
func (t *TLSFiles) Config() *tls.Config { return t.config }

func readAuthorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator says which file
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(path + " holds no certificate")
	}
	return pool, nil
}
