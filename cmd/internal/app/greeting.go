package app

import (
	"fmt"
	"io"
	"strings"
)

// greeting is what somebody sees who starts the demo: where to look, the keys,
// and two commands to paste.
type greeting struct {
	url     string
	keys    devKeys
	keyFile string
	user    string // whom the commands are about
	token   string // of that user
}

// listenCommand opens the user's stream. Without --no-buffer curl would hold
// events back.
func (g greeting) listenCommand() string {
	return fmt.Sprintf("curl --no-buffer -H 'Authorization: Bearer %s' %s/v1/stream", g.token, g.url)
}

// publishCommand sends the user an event.
func (g greeting) publishCommand() string {
	return fmt.Sprintf("curl -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' "+
		`-d '{"channels":["user:%s"],"type":"comment","data":{"post":7,"by":"mina"}}' %s/v1/events`,
		g.keys.Service, g.user, g.url)
}

// writeTo writes the greeting. It holds secrets, but only those of the demo, and
// only to who started it: never write it to a log.
func (g greeting) writeTo(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("")
	line("  Bellhop is at your service:  %s", g.url)
	line("  Open it, be somebody, and let it open a second window for somebody else.")
	line("")
	line("  Or in two terminals. Listen as user %s:", g.user)
	line("")
	line("    %s", g.listenCommand())
	line("")
	line("  Send user %s an event:", g.user)
	line("")
	line("    %s", g.publishCommand())
	line("")
	line("  The keys behind both are made up for this database and kept in %s:", g.keyFile)
	line("")
	line("    signing key   %s", g.keys.Signing)
	line("    service key   %s", g.keys.Service)
	line("")
	_, err := io.WriteString(w, b.String())
	return err
}
