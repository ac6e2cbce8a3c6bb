package config

import (
	"fmt"
	"strings"
	"time"
)

// SettingErrors is everything that is wrong with a program's settings: one line
// each, in the order of discovery. It is an error once it is not empty.
type SettingErrors []string

// addf notes what is wrong with the setting of the flag with this name. The line
// names the flag and its variable, and never the value of a secret.
func (p *SettingErrors) addf(flag, format string, args ...any) {
	line := fmt.Sprintf("--%s (%s): ", flag, Variable(flag)) + fmt.Sprintf(format, args...)
	*p = append(*p, strings.ReplaceAll(line, "\n", "; "))
}

// Error lists the problems, a line each.
func (p SettingErrors) Error() string { return strings.Join(p, "\n") }

// err is p as an error, or nil if there is nothing wrong.
func (p SettingErrors) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// has tells whether something is already wrong with the setting, so that its
// zero value does not draw a second complaint.
func (p SettingErrors) has(flag string) bool {
	for _, line := range p {
		if strings.HasPrefix(line, "--"+flag+" ") {
			return true
		}
	}
	return false
}

// require complains about a setting that is not there, unless something is
// already wrong with it. why follows "is required".
func (p *SettingErrors) require(flag string, set bool, why string) {
	if !set && !p.has(flag) {
		p.addf(flag, "is required%s", why)
	}
}

// part is settings that belong together.
type part interface{ check(p *SettingErrors) }

// check adds what is wrong with parts of a program's settings.
func (p *SettingErrors) check(parts ...part) {
	for _, one := range parts {
		one.check(p)
	}
}

// onOrOff checks a switch that nothing else decides.
func (p *SettingErrors) onOrOff(flag string, s Switch) {
	if s == Auto && !p.has(flag) {
		p.addf(flag, "want on or off, not \"auto\"")
	}
}

// between checks the bounds of a duration.
func (p *SettingErrors) between(flag string, d, low, high time.Duration) {
	if (d < low || d > high) && !p.has(flag) {
		p.addf(flag, "%s is out of range, want %s to %s", d, low, high)
	}
}

// notNegative checks a number of which zero is a good value.
func (p *SettingErrors) notNegative(flag string, n int) {
	if n < 0 {
		p.addf(flag, "%d is out of range, want 0 or more", n)
	}
}

// Variable is the environment variable of the flag with this name.
func Variable(flag string) string {
	return "BELLHOP_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
