package app

import (
	"fmt"
	"io"
)

// greeting is what somebody sees who starts the demo: where to look, the keys, and
// two commands to paste. Without --no-buffer curl would hold events back.
const greeting = `
  Bellhop is at your service:  %[1]s
  Open it, be somebody, and let it open a second window for somebody else.

  Or in two terminals. Listen as user %[2]s:

    curl --no-buffer -H 'Authorization: Bearer %[3]s' %[1]s/v1/stream

  Send user %[2]s an event:

    curl -H 'Authorization: Bearer %[4]s' -H 'Content-Type: application/json' -d '{"channels":["user:%[2]s"],"type":"comment","data":{"post":7,"by":"mina"}}' %[1]s/v1/events

  The keys behind both are made up for this database and kept in %[5]s:

    signing key   %[6]s
    service key   %[4]s

`

// greet writes the greeting. It holds secrets, but only those of the demo, and only
// to who started it: never write it to a log.
func greet(w io.Writer, url, keyFile string, keys devKeys) error {
	token, err := keys.sign(demoUser)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, greeting, url, demoUser, token, keys.Service, keyFile, keys.Signing)
	return err
}
