package config

import "time"

// CommandDoctor is the command that tries what a program will need.
const CommandDoctor = "doctor around"

// Diagnosis is the commands by which a program looks at what is around it.
type Diagnosis struct {
	Doctor struct {
		Around DoctorAround `cmd:"" default:"withargs" hidden:"" help:"Try what the program will need with these settings (the default)."`
		Stream DoctorStream `cmd:"" help:"Open a stream through the site's public address, and say what on the way holds it back."`
	} `cmd:"" help:"Say what is wrong around the program, and what to do about it."`
	Check struct{} `cmd:"" help:"Read and judge the settings and the files that they name, and exit: 0 if they are good, else 2 with a line for each fault."`
}

// DoctorAround is what else doctor is told.
type DoctorAround struct {
	Token Secret `placeholder:"TOKEN" help:"A person's token to judge."`
	Nginx string `placeholder:"FILE" help:"What nginx -T printed, or nginx.conf, to judge how it passes streams on."`
}

// NginxToJudge is the file with Nginx's configuration; empty: none.
func (d *Diagnosis) NginxToJudge() string { return d.Doctor.Around.Nginx }

// TokenToJudge is the sample token that doctor was given; empty: none.
func (d *Diagnosis) TokenToJudge() string { return d.Doctor.Around.Token.Reveal() }

// DoctorStream is what the stream is that is looked at.
type DoctorStream struct {
	URL      string        `arg:"" help:"The site's address, such as https://example.com."`
	Token    Secret        `placeholder:"TOKEN" help:"A person's token. Without one the stream is anonymous, and needs --channel."`
	Channel  string        `placeholder:"NAME" help:"A channel to open, such as topic:news."`
	Wait     time.Duration `placeholder:"DURATION" default:"75s" help:"How long to look at most. What is known sooner ends it: two heartbeats are seen in 45s."`
	Insecure bool          `help:"Take any certificate."`
}

// StreamToLookAt is what doctor stream was told.
func (d *Diagnosis) StreamToLookAt() DoctorStream { return d.Doctor.Stream }

// check tells whether the command needs none of the program's other settings.
func (d *Diagnosis) check(command string, p *SettingErrors) bool {
	if command != "doctor stream" {
		return false
	}
	p.between("wait", d.Doctor.Stream.Wait, time.Second, time.Hour)
	if d.Doctor.Stream.Token == "" && d.Doctor.Stream.Channel == "" {
		p.addf("token", "is required, or --channel")
	}
	return true
}

// doubts are what check finds fault with and a start passes over.
func doubts(program Program, unknown []string) (found SettingErrors) {
	var services *Services
	var policies *Policies
	switch p := program.(type) {
	case *Notifier:
		services, policies = &p.Services, &p.Policies
	case *Bellhop:
		services, policies = &p.Services, &p.Policies
	}
	if services != nil {
		for _, doubt := range services.keys.Doubts(policies.Namespaces) {
			found.addf("service-keys", "%s", doubt)
		}
	}
	for _, name := range unknown {
		found = append(found, name+": is no setting of Bellhop")
	}
	return found
}
