package escalate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Bounds of a file of secrets, and of a secret in it, in bytes.
const (
	maxSecretFile = 4 << 10
	maxSecrets    = 4
	leastSecret   = 24
	mostSecret    = 64
)

// errSecrets says what a file of secrets has to be. It never has a secret in it.
var errSecrets = fmt.Errorf("want 1 to %d secrets, each on a line of its own: whsec_ and the base64 of %d to %d random bytes", maxSecrets, leastSecret, mostSecret)

// ReadSecrets reads the secrets that calls are signed with. With several each of them
// signs, so that a receiver may change from one to the next at any time.
func ReadSecrets(path string) ([][]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator says which file
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile))
	if err != nil {
		return nil, err
	}
	var secrets [][]byte
	for line := range strings.FieldsSeq(string(text)) {
		encoded, marked := strings.CutPrefix(line, "whsec_")
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if !marked || err != nil || len(secret) < leastSecret || len(secret) > mostSecret {
			return nil, fmt.Errorf("%s: %w", path, errSecrets)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 || len(secrets) > maxSecrets {
		return nil, fmt.Errorf("%s: %w", path, errSecrets)
	}
	return secrets, nil
}

// sign puts the headers of a Standard Webhook on a request.
func sign(h http.Header, secrets [][]byte, id string, at time.Time, body []byte) error {
	if len(secrets) == 0 {
		return errors.New("there is no secret to sign with")
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
	return nil
}
