package auth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

const escalateFile = `
webhooks:
  main: {url: https://example.com/bellhop, secret_file: /run/secrets/webhook}
  near: {url: http://mailer:8080/, secret_file: /s, allow_private: true}
namespaces:
  user:
    access: owner
    escalate:
      - types: [note, chat]
        after: 10m
        unless: [read, online]
        to: main
        digest: 5m
      - {types: [note], after: 1d, to: near}
      - {types: [like], after: 1h, unless: [seen], to: near}
`

func TestLoadFileWithEscalations(t *testing.T) {
	t.Parallel()
	p, err := auth.LoadFile(writeFile(t, escalateFile))
	require.NoError(t, err)
	require.Equal(t, map[string]auth.Webhook{
		"main": {URL: "https://example.com/bellhop", SecretFile: "/run/secrets/webhook"},
		"near": {URL: "http://mailer:8080/", SecretFile: "/s", AllowPrivate: true},
	}, p.Webhooks())
	main := auth.Escalation{
		Types: []string{"note", "chat"}, After: 10 * time.Minute, Digest: 5 * time.Minute, To: "main", UnlessRead: true, UnlessOnline: true,
	}
	require.Equal(t, []auth.Escalation{main}, p.Escalations("chat"))
	require.Equal(t, []auth.Escalation{main, {Types: []string{"note"}, After: 24 * time.Hour, To: "near", UnlessRead: true}}, p.Escalations("note"))
	require.Equal(t, []auth.Escalation{{Types: []string{"like"}, After: time.Hour, To: "near", UnlessSeen: true}}, p.Escalations("like"))
	require.Empty(t, p.Escalations("reply"))
	require.Empty(t, auth.Builtin().Escalations("note"))
}

func TestEscalationsThatAreWrongNameTheirLine(t *testing.T) {
	t.Parallel()
	const hook = "webhooks:\n  main: {url: https://example.com, secret_file: /s}\n"
	const user = hook + "namespaces:\n  user:\n    access: owner\n    escalate:\n"
	for name, c := range map[string]struct{ text, says string }{
		"http":             {"webhooks:\n  main:\n    url: http://example.com\n    secret_file: /s\nnamespaces: {a: {access: public}}", "line 3"},
		"no host":          {"webhooks:\n  main:\n    url: https://\n    secret_file: /s\nnamespaces: {a: {access: public}}", "line 3"},
		"a user":           {"webhooks:\n  main:\n    url: https://a:b@c\n    secret_file: /s\nnamespaces: {a: {access: public}}", "line 3"},
		"another scheme":   {"webhooks:\n  main:\n    url: file:///etc/passwd\n    secret_file: /s\n    allow_private: true\nnamespaces: {a: {access: public}}", "line 3"},
		"no secret":        {"webhooks:\n  main:\n    url: https://example.com\nnamespaces: {a: {access: public}}", "secret_file is missing"},
		"a hook's name":    {"webhooks:\n  Main: {url: https://example.com, secret_file: /s}\nnamespaces: {a: {access: public}}", "line 2"},
		"a hook's key":     {"webhooks:\n  main: {url: https://example.com, secret_file: /s, secret: x}\nnamespaces: {a: {access: public}}", "line 2"},
		"unknown word":     {user + "      - types: [a]\n        after: 1m\n        to: main\n        unless: [read, asleep]\n", `line 10: invalid policy: unless: "asleep"`},
		"unknown webhook":  {user + "      - types: [a]\n        after: 1m\n        to: mian\n", "line 9"},
		"no types":         {user + "      - after: 1m\n        to: main\n", "types"},
		"a type":           {user + "      - types: [a, 'b c']\n        after: 1m\n        to: main\n", "line 7"},
		"no time":          {user + "      - types: [a]\n        to: main\n", "after"},
		"too late":         {user + "      - types: [a]\n        after: 31d\n        to: main\n", "line 8"},
		"too long":         {user + "      - types: [a]\n        after: 1m\n        to: main\n        digest: 25h\n", "line 10"},
		"told twice":       {user + "      - {types: [a, b], after: 1m, to: main}\n      - {types: [b], after: 2m, to: main}\n", "line 8"},
		"another key":      {user + "      - {types: [a], after: 1m, to: main, when: now}\n", "line 7"},
		"not of the inbox": {hook + "namespaces:\n  room:\n    access: member\n    escalate: [{types: [a], after: 1m, to: main}]\n", "escalate is for the inboxes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := auth.LoadFile(writeFile(t, c.text))
			require.ErrorIs(t, err, auth.ErrPolicy)
			require.ErrorContains(t, err, c.says)
		})
	}
}
