package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/probe"
)

// keysOfTheDemo are those of the demo that was started with these settings. It makes
// none: in another folder they would open nothing.
func keysOfTheDemo(cfg *config.Bellhop) (devKeys, error) {
	keys, err := readDevKeys(devKeyFile(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; the first start of bellhop makes them: start it, and run this in the same folder", err)
	}
	return keys, err
}

// printToken prints a token of the demo.
func printToken(cfg *config.Bellhop, stdout io.Writer) error {
	keys, err := keysOfTheDemo(cfg)
	if err != nil {
		return err
	}
	token, err := keys.sign(cfg.Token.User, cfg.Token.Channels...)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, token)
	return err
}

// printEnv prints what talks to the demo needs, in words that every shell reads.
func printEnv(cfg *config.Bellhop, stdout io.Writer) error {
	keys, err := keysOfTheDemo(cfg)
	if err != nil {
		return err
	}
	for _, v := range [][2]string{
		{config.ClientURL, "http://" + probe.Address(cfg.Listen)},
		{config.ClientKey, keys.Service},
		{config.ClientAdminKey, keys.admin()},
		{config.ClientSecret, keys.Signing},
	} {
		if _, err := fmt.Fprintf(stdout, "export %s=%s\n", v[0], v[1]); err != nil {
			return err
		}
	}
	return nil
}
