package auth

import "errors"

// ErrToken is what every refusal of a token wraps. No refusal repeats any part of
// the token.
var ErrToken = errors.New("invalid token")

// TokenError is a refusal of a token. Its Code is for programs: it stands in
// answers, in metrics and in docs/api.md, and never changes its meaning.
type TokenError struct {
	Code string
	text string
}

// Error implements error.
func (e *TokenError) Error() string { return ErrToken.Error() + ": " + e.text }

// Is tells errors.Is that all of them are ErrToken.
func (e *TokenError) Is(target error) bool { return target == ErrToken }

// The refusals. With ErrTokenExpired the owner needs a new token, ErrTokenEarly
// passes by itself; the others stay until somebody mends something.
var (
	ErrTokenExpired   = &TokenError{"token_expired", "expired"}
	ErrTokenEarly     = &TokenError{"token_not_yet_valid", "not valid yet: its nbf or iat lies in the future by more than the leeway"}
	ErrTokenRevoked   = &TokenError{"token_revoked", "revoked"}
	ErrTokenMalformed = &TokenError{"token_malformed", "malformed: it is no JWT, or a claim has a wrong type"}
	ErrTokenTooLong   = &TokenError{"token_too_long", "longer than 8192 bytes"}
	ErrTokenAlgorithm = &TokenError{"token_algorithm", "no key here is for its algorithm"}
	ErrTokenKeyless   = &TokenError{"token_unknown_key", "signed with a key that is not known"}
	ErrTokenSignature = &TokenError{"token_bad_signature", "bad signature"}
	ErrTokenCritical  = &TokenError{"token_critical_header", "critical header parameters are not understood"}
	ErrTokenIssuer    = &TokenError{"token_wrong_issuer", "its issuer (iss) is none of those accepted here"}
	ErrTokenAudience  = &TokenError{"token_wrong_audience", "not issued for this service (aud)"}
	ErrTokenClaim     = &TokenError{"token_missing_claim", "a required claim is missing: exp, or the one that says who it is"}
	ErrTokenLife      = &TokenError{"token_lives_too_long", "it lives for longer than 400 days"}
	ErrTokenSubject   = &TokenError{"token_bad_subject", "its subject names nobody: want a text or a whole number, of at most 1024 bytes in UTF-8"}
	ErrTokenForeign   = &TokenError{"token_foreign_subject", "its subject belongs to another issuer"}
)

// TokenErrors are all refusals, for those who list or count them.
var TokenErrors = []*TokenError{
	ErrTokenExpired, ErrTokenEarly, ErrTokenRevoked, ErrTokenMalformed, ErrTokenTooLong, ErrTokenAlgorithm, ErrTokenKeyless,
	ErrTokenSignature, ErrTokenCritical, ErrTokenIssuer, ErrTokenAudience, ErrTokenClaim, ErrTokenLife, ErrTokenSubject, ErrTokenForeign,
}

// TokenCode is the code of a refusal, empty for any other error.
func TokenCode(err error) string {
	if e, ok := errors.AsType[*TokenError](err); ok {
		return e.Code
	}
	return ""
}
