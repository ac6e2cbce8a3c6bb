package config

import "github.com/bellhop/bellhop/relay"

// Outbox is where a product writes its events in its own transactions.
type Outbox struct {
	Outbox      Secret   `placeholder:"DSN" help:"The product's own MySQL or MariaDB with the outbox that is published from here, as a DSN of go-sql-driver: user:password@tcp(host:3306)/shop. Several processes may have the same one; one of them works. Without it no outbox is published."`
	OutboxTable string   `name:"outbox-table" placeholder:"NAME" default:"bellhop_outbox" help:"The outbox's table. notifier relay schema prints the statements that make it, and a second table that the relay needs."`
	OutboxTLS   TLSFiles `embed:"" prefix:"outbox-tls-"`
}

func (o *Outbox) check(p *SettingErrors) {
	if o.Outbox != "" {
		checkDSN(p, "outbox", o.Outbox)
	}
	if err := relay.CheckTable(o.OutboxTable); err != nil {
		p.addf("outbox-table", "%v", err)
	}
	o.OutboxTLS.check(p, "outbox-tls-")
}
