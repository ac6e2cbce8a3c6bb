package escalate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// secretFile is a file with these lines.
func secretFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return path
}

const aSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// TestASignatureIsThatOfStandardWebhooks is the example of that specification's libraries.
func TestASignatureIsThatOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 32)))
	secrets, err := ReadSecrets(secretFile(t, aSecret, "", other))
	require.NoError(t, err)
	h := make(http.Header)
	require.NoError(t, sign(h, secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)))
	require.Equal(t, "msg_p5jXN8AQM9LWM0D4loKWxJek", h.Get("Webhook-Id"))
	require.Equal(t, "1614265330", h.Get("Webhook-Timestamp"))
	signatures := strings.Fields(h.Get("Webhook-Signature"))
	require.Len(t, signatures, 2, "each secret signs")
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", signatures[0])
	require.Error(t, sign(h, nil, "a", time.Now(), nil))
}

func TestSecretsThatAreWrongAreNotShown(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"none": "", "no mark": aSecret[6:], "not base64": aSecret + "!", "short": "whsec_c2hvcnQ=", "long": "whsec_" + strings.Repeat("QUFB", 30),
		"many": strings.Repeat(aSecret+"\n", 5),
	} {
		_, err := ReadSecrets(secretFile(t, text))
		require.ErrorIs(t, err, errSecrets, name)
		require.NotContains(t, err.Error(), "MfKQ9r8")
	}
	_, err := ReadSecrets(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOnlyPublicAddressesAreDialled(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"93.184.215.14": true, "2606:2800:21f:cb07:6820:80da:af6b:8b2c": true, "::ffff:93.184.215.14": true, "64:ff9b::5db8:d70e": true,
		"127.0.0.1": false, "127.9.9.9": false, "::1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "fd00::1": false, "100.64.0.1": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "224.0.0.1": false, "ff02::1": false,
		"255.255.255.255": false, "240.0.0.1": false, "198.18.0.1": false, "192.0.2.1": false, "203.0.113.1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "fec0::1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "64:ff9b:1::5db8:d70e": false, "2002:7f00:1::": false, "2001:0:1::": false, "2001:db8::1": false,
	} {
		require.Equal(t, want, public(netip.MustParseAddr(address)), address)
	}
}

// rig is an escalator without a log.
func rig(t *testing.T) *Escalator {
	t.Helper()
	e, err := New(Config{})
	require.NoError(t, err)
	t.Cleanup(e.guarded.CloseIdleConnections)
	t.Cleanup(e.open.CloseIdleConnections)
	return e
}

var aCall = store.Call{
	ID: store.CallID{1}, Channel: "user:42", Made: time.UnixMilli(1e12), Unread: 3,
	Events: []store.InboxItem{{Event: event.Event{Channel: "user:42", Seq: 17, Type: "note", Time: time.UnixMilli(1e12), Data: []byte(`{"a":"<b>"}`)}}},
}

// TestACallGoesNowhereElse: neither to an address of the own network, whatever its name,
// nor to where a redirect points.
func TestACallGoesNowhereElse(t *testing.T) {
	t.Parallel()
	secret := secretFile(t, aSecret)
	var came int
	to := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came++
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
		}
	}))
	defer to.Close()
	e := rig(t)
	hook := auth.Webhook{URL: to.URL, SecretFile: secret}
	require.ErrorIs(t, e.post(t.Context(), hook, &aCall), errInside)
	hook.URL = strings.Replace(to.URL, "127.0.0.1", "localhost", 1)
	require.ErrorIs(t, e.post(t.Context(), hook, &aCall), errInside)
	require.Zero(t, came)
	hook.AllowPrivate = true
	require.NoError(t, e.post(t.Context(), hook, &aCall))
	hook.URL = to.URL + "/moved"
	require.EqualError(t, e.post(t.Context(), hook, &aCall), "it answered 307")
	require.Equal(t, 2, came)
	hook.SecretFile = ""
	require.ErrorIs(t, e.post(t.Context(), hook, &aCall), errUnsent)
	require.Equal(t, 2, came)
}

// TestAnAnswerThatDoesNotEndIsCutOff: what a receiver says is not read for ever.
func TestAnAnswerThatDoesNotEndIsCutOff(t *testing.T) {
	t.Parallel()
	to := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4<<10)); err != nil {
				return
			}
		}
	}))
	defer to.Close()
	ctx, cancel := context.WithTimeout(t.Context(), postTimeout)
	defer cancel()
	hook := auth.Webhook{URL: to.URL, SecretFile: secretFile(t, aSecret), AllowPrivate: true}
	require.NoError(t, rig(t).post(ctx, hook, &aCall))
	require.NoError(t, ctx.Err())
}

func TestTheBodyOfACall(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{"type":"inbox.unread","timestamp":"2001-09-09T01:46:40Z","data":{"user":"42","unread":3,"events":[`+
		string(aCall.Events[0].AppendJSON(nil)[:len(aCall.Events[0].AppendJSON(nil))-1])+`,"read":false}]}}`, string(render(&aCall)))
	require.True(t, json.Valid(render(&aCall)))
	for name, channel := range map[string]string{"Jane Doe": "", "정민": "", "42": "", strings.Repeat("가", 99): "~~"} {
		inbox, err := event.Inbox(name)
		require.NoError(t, err)
		if channel == "" {
			require.Equal(t, name, subject(inbox))
		} else {
			require.True(t, strings.HasPrefix(subject(inbox), channel))
		}
	}
}

func TestPausesDoubleUpToAnHour(t *testing.T) {
	t.Parallel()
	for tries, want := range map[int]time.Duration{1: firstPause, 2: 2 * firstPause, 5: 16 * firstPause, 12: mostPause, 1 << 40: mostPause} {
		require.Equal(t, want, pause(tries, 0.5), tries)
		require.Equal(t, want/2, pause(tries, 0), tries)
	}
}

// TestACallIsBounded: a person's events are together, up to a hundred, and to some bytes.
func TestACallIsBounded(t *testing.T) {
	t.Parallel()
	var due []store.Due
	for seq := range uint64(250) {
		due = append(due,
			store.Due{Channel: "user:1", Target: "main", Seq: seq}, store.Due{Channel: "user:2", Target: "main", Seq: seq, Size: maxBytes/2 + 1},
			store.Due{Channel: "user:1", Target: "mail", Seq: seq, Moot: seq > 0})
	}
	sizes := make(map[string][]int)
	ids := make(map[store.CallID]bool)
	for _, c := range digests(due) {
		key := string(c.Events[0].Channel) + c.Events[0].Target
		sizes[key] = append(sizes[key], len(c.Events))
		ids[c.ID] = true
	}
	require.Equal(t, []int{100, 100, 50}, sizes["user:1main"])
	require.Equal(t, []int{1}, sizes["user:1mail"])
	require.Len(t, sizes["user:2main"], 250)
	require.Len(t, ids, 3+1+250)
}
