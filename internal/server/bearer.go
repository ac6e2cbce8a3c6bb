package server

import (
	"net/http"
	"strings"
)

// Bearer returns the token of a request's Authorization headers. Another scheme is
// somebody else's, such as that of a proxy in front, and is passed over.
func Bearer(h http.Header) (token string, given bool) {
	for _, value := range h.Values("Authorization") {
		end := strings.IndexAny(value, " \t")
		if end < 0 {
			end = len(value)
		}
		if strings.EqualFold(value[:end], "Bearer") {
			return strings.TrimSpace(value[end:]), true
		}
	}
	return "", false
}
