// Package config holds the settings of Bellhop's programs. Each setting is a
// flag and, under the same name in capitals with BELLHOP_ in front, an
// environment variable; the flag wins. An empty variable counts as not set,
// because that is what compose files make of a missing one. A secret may also
// stand in a file, which the variable with _FILE at its end names.
//
// Reading settings touches nothing but the arguments and the environment that
// it is given, and the files that settings name.
package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bellhop/bellhop/internal/version"
)

// ErrHelp is returned by Parse when --help or --version was given and is answered.
var ErrHelp = errors.New("help was asked for")

// notSettings are the flags that every program has and no environment sets.
var notSettings = map[string]bool{"help": true, "version": true}

// Program is a set of settings that Parse can fill: *Gateway, *Notifier or *Bellhop.
type Program interface {
	// about names the program, says what it does, and gives the defaults that
	// differ from program to program.
	about() (name, description string, defaults kong.Vars)
	// check adds what is wrong with the settings that the command needs.
	check(command string, p *SettingErrors)
}

// Result is what Parse found besides the settings themselves.
type Result struct {
	// Command is the subcommand, such as "epoch new"; "run" if none was given.
	Command string
	// Unknown lists, sorted, the variables of the environment that begin with
	// BELLHOP_ and are no setting of any program: most likely misspelt.
	Unknown []string
}

// Parse fills program from command-line arguments (without the program's name)
// and from an environment as os.Environ returns it. Its error is ErrHelp, after
// the help went to help, or SettingErrors.
func Parse(program Program, args, environ []string, help io.Writer) (Result, error) {
	var wrong SettingErrors
	helped := false
	env := environment{entries: environ, wrong: &wrong}
	parser, err := newParser(program, &wrong,
		kong.Writers(help, io.Discard),
		kong.Exit(func(int) { helped = true }),
		kong.Resolvers(env),
	)
	if err != nil {
		return Result{}, fmt.Errorf("config: settings of the program are malformed: %w", err)
	}
	ctx, err := parser.Parse(LongFlags(args))
	switch {
	case helped:
		return Result{}, ErrHelp
	case err != nil:
		return Result{}, append(wrong, err.Error())
	}
	// Kong's name of a command has its arguments behind it: "token <user>".
	command, _, _ := strings.Cut(ctx.Command(), " <")
	result := Result{Command: command, Unknown: env.unknown()}
	switch command {
	case "check":
		program.check("run", &wrong)
		wrong = append(wrong, doubts(program, result.Unknown)...)
	case CommandDoctor:
		program.check("run", &wrong)
	default:
		program.check(command, &wrong)
	}
	return result, wrong.err()
}

// LongFlags gives what every program answers the dashes that kong wants: of -help
// it would make -h -e -l -p.
func LongFlags(args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if name, found := strings.CutPrefix(arg, "-"); found && notSettings[name] {
			args[i] = "-" + arg
		}
	}
	return args
}

// Name is the name of a program.
func Name(program Program) string {
	name, _, _ := program.about()
	return name
}

// newParser builds kong's model of a program. Values that do not parse are added
// to the errors instead of ending the parse, so that all are reported at once.
func newParser(program Program, wrong *SettingErrors, more ...kong.Option) (*kong.Kong, error) {
	name, description, defaults := program.about()
	options := []kong.Option{
		kong.Name(name),
		kong.Description(description),
		defaults,
		kong.Vars{"version": name + " " + version.Read().String()},
		kong.Embed(&struct {
			Version kong.VersionFlag `help:"Print version, commit, date and Go's version, and exit."`
		}{}),
		kong.ConfigureHelp(kong.HelpOptions{
			FlagsLast:      true,
			WrapUpperBound: 110,
		}),
		kong.ValueFormatter(helpWithVariable),
		scalar(wrong, "a duration with its unit, such as 20s or 30m", time.ParseDuration),
		scalar(wrong, "a whole number", strconv.Atoi),
		scalar(wrong, "a number", func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }),
		scalar(wrong, "auto, on or off", parseSwitch),
		scalar(wrong, "debug, info, warn or error", parseLevel),
	}
	return kong.New(program, append(options, more...)...)
}

func parseLevel(s string) (level slog.Level, err error) {
	err = level.UnmarshalText([]byte(s))
	return level, err
}

// scalar maps flags of type T by a function.
func scalar[T any](wrong *SettingErrors, want string, parse func(string) (T, error)) kong.Option {
	return kong.TypeMapper(reflect.TypeFor[T](), kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return fmt.Errorf("missing value, want %s", want)
		}
		v, err := parse(text)
		if err != nil {
			wrong.addf(ctx.Value.Name, "want %s, not %q", want, text)
			return nil //nolint:nilerr // it is noted; the next setting is to be read too
		}
		target.Set(reflect.ValueOf(v))
		return nil
	}))
}

// helpWithVariable is the help of a setting with its default and its
// environment variable.
func helpWithVariable(v *kong.Value) string {
	switch {
	case v.Flag == nil || notSettings[v.Name]:
		return v.Help
	case isSecret(v.Flag):
		return v.Help + " [" + Variable(v.Name) + " or " + fileVariable(v.Name) + "]"
	case v.Default == "":
		return v.Help + " [" + Variable(v.Name) + "]"
	default:
		return v.Help + " [" + Variable(v.Name) + ", default " + v.Default + "]"
	}
}

// settings lists the flags of a program in the order of its help.
func settings(program Program) []*kong.Flag {
	parser, err := newParser(program, &SettingErrors{})
	if err != nil {
		panic(err) // the struct tags of this package are wrong
	}
	var flags []*kong.Flag
	for _, group := range parser.Model.AllFlags(true) {
		for _, f := range group {
			if !notSettings[f.Name] {
				flags = append(flags, f)
			}
		}
	}
	return flags
}
