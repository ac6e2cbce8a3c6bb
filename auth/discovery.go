package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/MicahParks/jwkset"
)

// discoveryPath is where an issuer describes itself: OpenID Connect Discovery 1.0,
// section 4.
const discoveryPath = "/.well-known/openid-configuration"

// keySets fetches key sets. It bounds an answer, and has one that holds no keys
// fail: an error page of the issuer must not be taken for a set from which all keys
// were removed.
type keySets struct {
	*http.Transport

	// discover: the address is that of the issuer's description, which says where
	// the set is.
	discover bool
	issuer   string
}

// RoundTrip implements http.RoundTripper.
func (t keySets) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.discover {
		var err error
		if r, err = t.locate(r); err != nil {
			return nil, fmt.Errorf("the issuer's description: %w", err)
		}
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	response, err := t.fetch(r, &set)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	if set.Keys = slices.DeleteFunc(set.Keys, unusable); len(set.Keys) == 0 {
		return nil, errors.New("the answer holds no keys")
	}
	body, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// unusable tells whether a key of a set is to be ignored (RFC 7517, section 5). For the
// library one that lacks a member spoils the whole set.
func unusable(key json.RawMessage) bool {
	var members jwkset.JWKMarshal
	if json.Unmarshal(key, &members) != nil {
		return true
	}
	_, err := jwkset.NewJWKFromMarshal(members, jwkset.JWKMarshalOptions{Private: true}, jwkset.JWKValidateOptions{})
	return err != nil
}

// locate turns a request for the description into one for the keys. The description
// must be that of the issuer (section 4.3), or an issuer could speak for another.
func (t keySets) locate(r *http.Request) (*http.Request, error) {
	var description struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	response, err := t.fetch(r, &description)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return nil, errors.Join(fmt.Errorf("status %d", response.StatusCode), response.Body.Close())
	case description.Issuer != t.issuer:
		return nil, fmt.Errorf("it is that of %q", description.Issuer)
	}
	if err := CheckJWKSURL(description.JWKSURI); err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(r.Context(), http.MethodGet, description.JWKSURI, http.NoBody)
}

// fetch reads a JSON answer into v, and its body to the end. Answers of another status
// are left alone.
func (t keySets) fetch(r *http.Request, v any) (*http.Response, error) {
	response, err := t.Transport.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, jwksMaxBytes))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return nil, errors.New("the answer is not the JSON that was expected")
	}
	return response, nil
}
