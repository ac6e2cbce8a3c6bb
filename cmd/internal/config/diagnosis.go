package config

import "time"

// CommandDoctor is the command that tries what a program will need.
const CommandDoctor = "doctor around"

// Diagnosis is the commands by which a program looks at what is around it.
type Diagnosis struct {
	Doctor struct {
		Around DoctorAround `cmd:"" default:"withargs" hidden:"" help:"Try what the program will need with these settings (the default)."`
		Stream DoctorStream `cmd:"" help:"Open a stream through the site's public address, and say what delays or breaks it on the way."`
	} `cmd:"" help:"Say what is wrong with the servers and files that the program needs, and what to do."`
	Check struct{} `cmd:"" help:"Check the settings and the files that they name, and exit: 0 if they are good, else 2 with a line for each mistake."`
}

// DoctorAround is what else doctor is told.
type DoctorAround struct {
	Token Secret `placeholder:"TOKEN" help:"A person's token to check."`
	Nginx string `placeholder:"FILE" help:"The output of nginx -T, or nginx.conf. The command checks how it passes streams on."`
}

// DoctorStream is what the stream is that is looked at.
type DoctorStream struct {
	URL      string        `arg:"" help:"The site's address, such as https://example.com."`
	Token    Secret        `placeholder:"TOKEN" help:"A person's token. Without one the stream is anonymous, and needs --channel."`
	Channel  string        `placeholder:"NAME" help:"A channel to open, such as topic:news."`
	Wait     time.Duration `placeholder:"DURATION" default:"75s" help:"The longest time to look. The command ends sooner if it knows enough; two heartbeats take 45s."`
	Insecure bool          `help:"Accept any certificate."`
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
		found = append(found, name+": is not a setting of Bellhop")
	}
	return found
}
