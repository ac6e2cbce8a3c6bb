package demo

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bellhop/bellhop/demo/domain"
)

// tokenLife is how long a token of the page is good. The page fetches another one
// when it is over; half an hour shows that nobody notices.
const tokenLife = 30 * time.Minute

// sign makes somebody's token: what a product does at the end of its own login.
func (d *Demo) sign(person string) (string, error) {
	now := time.Now()
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject:   person,
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(tokenLife)),
	}).SignedString(d.secret)
}

var errToken = errors.New("sign in first")

// person is who sends a request; errToken if the token is not ours, and an empty
// name without any.
func (d *Demo) person(r *http.Request) (string, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", nil
	}
	token, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return "", errToken
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return d.secret, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	if err != nil {
		return "", errToken
	}
	// Tokens are made for other programs with the same secret too, for names that
	// nobody can have here.
	if _, err := domain.Named(claims.Subject); err != nil {
		return "", errToken
	}
	return claims.Subject, nil
}
