package config

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// withoutToken is a gateway's environment that lacks a key for tokens.
func withoutToken(more ...string) []string {
	return append([]string{"BELLHOP_MYSQL_PRIMARY=" + goodDSN, "BELLHOP_REDIS=" + goodRedis}, more...)
}

func TestAnyKindOfTokenKeyWillDo(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))

	var g Gateway
	_, err = Parse(&g, nil, withoutToken("BELLHOP_JWT_PUBLIC_KEY="+file(t, text)), io.Discard)
	require.NoError(t, err)
	require.Empty(t, g.TokenConfig().Issuers[0].Secrets)
	_, err = auth.NewVerifier(g.TokenConfig())
	require.NoError(t, err)

	_, err = Parse(&Gateway{}, nil, withoutToken("BELLHOP_JWKS_URL=https://id.example/keys",
		"BELLHOP_JWT_ISSUER=https://id.example", "BELLHOP_JWT_AUDIENCE=bellhop"), io.Discard)
	require.NoError(t, err)
}

func TestAccessTokenQueryIsOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]Switch{"": Off, "off": Off, "on": On} {
		var g Gateway
		_, err := Parse(&g, nil, goodGateway("BELLHOP_ACCESS_TOKEN_QUERY="+value), io.Discard)
		require.NoError(t, err)
		require.Equal(t, want, g.AccessTokenQuery)
	}
}

func TestWrongKeysAndCertificatesAreOneLineEach(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	jwks := "BELLHOP_JWKS_URL=https://id.example/keys"
	issuer, audience := "BELLHOP_JWT_ISSUER=https://id.example", "BELLHOP_JWT_AUDIENCE=bellhop"
	for _, tt := range []struct {
		set  []string
		want string
	}{
		{nil, "--jwt-secret (BELLHOP_JWT_SECRET): is required, or --jwt-public-key or --jwks-url"},
		{[]string{"BELLHOP_JWT_PUBLIC_KEY=/nowhere"}, "--jwt-public-key (BELLHOP_JWT_PUBLIC_KEY): open /nowhere: no such file or directory"},
		{[]string{"BELLHOP_JWT_PUBLIC_KEY=" + certs.ClientKey}, "want PUBLIC KEY, not PRIVATE KEY"},
		{[]string{jwks, audience}, "--jwt-issuer (BELLHOP_JWT_ISSUER): is required, because --jwks-url is set"},
		{[]string{jwks, issuer}, "--jwt-audience (BELLHOP_JWT_AUDIENCE): is required, because --jwks-url is set"},
		{[]string{"BELLHOP_JWKS_URL=http://id.example/keys", issuer, audience}, "--jwks-url (BELLHOP_JWKS_URL): invalid token key: keys must not be fetched without TLS"},
		{[]string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_ACCESS_TOKEN_QUERY=auto"}, `want on or off, not "auto"`},
		{[]string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_MYSQL_IDENTITY=cluster:'"}, "--mysql-identity (BELLHOP_MYSQL_IDENTITY): "},
		{[]string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_REDIS_TLS_CA=" + certs.CA}, "--redis (BELLHOP_REDIS): is an address without TLS"},
		{[]string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_MYSQL_TLS_CA=/nowhere"}, "--mysql-tls-ca (BELLHOP_MYSQL_TLS_CA): open /nowhere"},
		{[]string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_MYSQL_TLS_CA=" + certs.ClientKey}, "holds no certificate"},
		{[]string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_MYSQL_TLS_CERT=" + certs.ClientCert}, "--mysql-tls-key (BELLHOP_MYSQL_TLS_KEY): is required, because --mysql-tls-cert is set"},
		{[]string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_MYSQL_TLS_KEY=" + certs.ClientKey}, "--mysql-tls-cert (BELLHOP_MYSQL_TLS_CERT): is required, because --mysql-tls-key is set"},
		{[]string{"BELLHOP_JWT_SECRET=" + goodSecret, "BELLHOP_MYSQL_TLS_CERT=" + certs.ClientCert, "BELLHOP_MYSQL_TLS_KEY=" + certs.ServerKey}, "--mysql-tls-cert (BELLHOP_MYSQL_TLS_CERT): tls: "},
	} {
		_, err := Parse(&Gateway{}, nil, withoutToken(tt.set...), io.Discard)
		var wrong SettingErrors
		require.ErrorAs(t, err, &wrong, tt.want)
		require.Len(t, wrong, 1, tt.want)
		require.Contains(t, wrong[0], tt.want)
	}
}

func TestCertificatesAreTakenOver(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	var g Gateway
	_, err := Parse(&g, nil, []string{
		"BELLHOP_MYSQL_PRIMARY=" + goodDSN, "BELLHOP_REDIS=rediss://redis:6379", "BELLHOP_JWT_SECRET=" + goodSecret,
		"BELLHOP_MYSQL_TLS_CA=" + certs.CA, "BELLHOP_MYSQL_TLS_CERT=" + certs.ClientCert, "BELLHOP_MYSQL_TLS_KEY=" + certs.ClientKey,
		"BELLHOP_REDIS_TLS_CA=" + certs.CA,
	}, io.Discard)
	require.NoError(t, err)
	require.NotNil(t, g.MySQLTLS.Config().GetClientCertificate)
	require.NotNil(t, g.MySQLTLS.Config().RootCAs)
	require.EqualValues(t, tls.VersionTLS12, g.MySQLTLS.Config().MinVersion)
	require.Nil(t, g.RedisTLS.Config().GetClientCertificate)
	require.NotNil(t, g.RedisTLS.Config().RootCAs)
	require.Nil(t, new(TLSFiles).Config())
}

// TestCertificatesAreRenewed: connections from now on show the certificate that was
// read anew; nothing else of the configuration changes.
func TestCertificatesAreRenewed(t *testing.T) {
	t.Parallel()
	certs := testenv.NewCertificates(t)
	read := func(cert, key string) *Gateway {
		var g Gateway
		_, err := Parse(&g, nil, goodGateway("BELLHOP_MYSQL_TLS_CERT="+cert, "BELLHOP_MYSQL_TLS_KEY="+key), io.Discard)
		require.NoError(t, err)
		return &g
	}
	running := read(certs.ClientCert, certs.ClientKey)
	inForce := running.MySQLTLS.Config().Clone() // as a driver does
	shown := func() []byte {
		pair, err := inForce.GetClientCertificate(nil)
		require.NoError(t, err)
		return pair.Certificate[0]
	}
	before := shown()
	require.False(t, running.MySQLTLS.Renew(&read(certs.ClientCert, certs.ClientKey).MySQLTLS), "the same again")
	require.Equal(t, before, shown())
	require.True(t, running.MySQLTLS.Renew(&read(certs.ServerCert, certs.ServerKey).MySQLTLS))
	require.NotEqual(t, before, shown())
	require.False(t, running.RedisTLS.Renew(&read(certs.ClientCert, certs.ClientKey).RedisTLS), "there is none")
}
