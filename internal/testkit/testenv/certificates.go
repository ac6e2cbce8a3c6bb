package testenv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Certificates is an authority of one test with two certificates by it, as PEM
// files: one of a server on 127.0.0.1, and one of a client.
type Certificates struct {
	CA                    string
	ServerCert, ServerKey string
	ClientCert, ClientKey string
}

// NewCertificates makes an authority and its certificates.
func NewCertificates(tb testing.TB) *Certificates {
	tb.Helper()
	dir := tb.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	c := &Certificates{
		CA:         file("ca.pem"),
		ServerCert: file("server.pem"), ServerKey: file("server.key"),
		ClientCert: file("client.pem"), ClientKey: file("client.key"),
	}
	authority, key := certify(tb, nil, nil, c.CA, "")
	certify(tb, authority, key, c.ServerCert, c.ServerKey)
	certify(tb, authority, key, c.ClientCert, c.ClientKey)
	return c
}

// Config is what a client needs that trusts the authority; with identity it also
// shows its own certificate.
func (c *Certificates) Config(tb testing.TB, identity bool) *tls.Config {
	tb.Helper()
	text, err := os.ReadFile(c.CA)
	require.NoError(tb, err)
	pool := x509.NewCertPool()
	require.True(tb, pool.AppendCertsFromPEM(text))
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if identity {
		pair, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
		require.NoError(tb, err)
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

// certify writes a certificate and, if asked for, its key; without an issuer it
// is that of an authority.
func certify(tb testing.TB, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey, certFile, keyFile string) (*x509.Certificate, *ecdsa.PrivateKey) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: filepath.Base(certFile)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	if issuer == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage = x509.KeyUsageCertSign
		issuer, issuerKey = template, key
	} else {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	require.NoError(tb, err)
	writePEM(tb, certFile, "CERTIFICATE", der)
	if keyFile != "" {
		private, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(tb, err)
		writePEM(tb, keyFile, "PRIVATE KEY", private)
	}
	certificate, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return certificate, key
}

func writePEM(tb testing.TB, path, kind string, der []byte) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}
