package config

// Desk is what operators ask and try from a terminal, over the API of programs that run.
// Its flags are no settings of those.
type Desk struct {
	Show struct {
		Caller
		AdminKey Secret `placeholder:"KEY" help:"A service key with the admin right, without its name."`

		Fleet struct{} `cmd:"" help:"All processes, and how busy they are."`
		User  struct {
			Subject string `arg:"" help:"As tokens name the person."`
		} `cmd:"" help:"A person's streams and inbox."`
		Channel struct {
			Channel string `arg:""`
			Data    bool   `help:"Show the data of events, which may be private."`
		} `cmd:"" help:"A channel, its listeners and newest events."`
		Event struct {
			Channel string `arg:""`
			Seq     uint64 `arg:""`
			Data    bool   `help:"Show its data, which may be private."`
		} `cmd:"" help:"What happened to an event, and who got it."`
	} `cmd:"" help:"Ask a running notifier about all processes, a person, a channel or an event."`

	Publish struct {
		Caller
		Key     Secret   `placeholder:"KEY" help:"A service key, without its name."`
		Channel []string `placeholder:"CHANNEL" help:"A channel that gets the event; may be repeated."`
		User    []string `placeholder:"SUBJECT" help:"A person who gets the event; may be repeated."`
		Type    string   `arg:"" help:"Type of the event."`
		Data    string   `arg:"" default:"null" help:"JSON."`
	} `cmd:"" help:"Publish an event."`

	Follow struct {
		Caller
		GatewayURL  string   `placeholder:"URL" help:"Address of a gateway, or of the proxy in front of it. Default: that of --url."`
		As          string   `placeholder:"SUBJECT" help:"A person whose inbox to listen to as well. The command makes a token for an hour."`
		TokenSecret Secret   `placeholder:"SECRET" help:"The secret that signs this token: --jwt-secret of the gateway."`
		From        string   `name:"last-event-id" placeholder:"ID" help:"Begin after this cursor; 0: with the first event that is kept."`
		Channels    []string `arg:"" optional:"" help:"Further channels."`
	} `cmd:"" name:"listen" help:"Listen to channels, with or without a token of a person, and print what comes."`
}

// Caller is what all calls have.
type Caller struct {
	URL  string `placeholder:"URL" help:"Address of the notifier. Default: this machine, at the port of --listen."`
	JSON bool   `name:"json" help:"For programs: print JSON."`
}

// check adds what is wrong with a command; false: it is none of these.
func (d *Desk) check(command string, p *SettingErrors) bool {
	switch command {
	case "show fleet", "show user", "show channel", "show event":
		p.require("admin-key", d.Show.AdminKey != "", "")
	case "publish":
		p.require("key", d.Publish.Key != "", "")
		p.require("channel", len(d.Publish.Channel)+len(d.Publish.User) > 0, ", or --user")
	case "listen":
		p.require("token-secret", d.Follow.As == "" || d.Follow.TokenSecret != "", ", because --as is set")
		p.require("as", d.Follow.As != "" || len(d.Follow.Channels) > 0, ", or a channel")
	default:
		return false
	}
	return true
}
