package config

import "github.com/bellhop/bellhop/relay"

// Outbox is where a product writes its events in its own transactions.
type Outbox struct {
	Outbox      Secret   `placeholder:"DSN" help:"The database of the product whose outbox is published from here, its own MySQL or MariaDB, as a DSN of go-sql-driver: user:password@tcp(host:3306)/shop. Several processes may have the same one: one of them is at work. Without it nothing is relayed."`
	OutboxTable string   `name:"outbox-table" placeholder:"NAME" default:"bellhop_outbox" help:"The outbox's table. notifier relay schema prints what makes it, and the one beside it."`
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
