package conn

import "net/http"

// Greet writes the head of a response that is going to be a stream, with the
// headers set so far, and the first bytes of its body, and flushes both: proxies
// that hold a response back until its first byte, and clients that wait for it,
// see that the stream is open.
func Greet(w http.ResponseWriter, greeting []byte) error {
	w.WriteHeader(http.StatusOK)
	if len(greeting) > 0 {
		if _, err := w.Write(greeting); err != nil {
			return err
		}
	}
	return http.NewResponseController(w).Flush()
}
