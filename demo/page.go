package demo

import (
	"embed"
	"io/fs"

	"github.com/bellhop/bellhop/web"
)

//go:embed page
var files embed.FS

// page is the page and, beside it, Bellhop's client for browsers.
func page() *web.Site {
	own, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	site, err := web.NewSite(own, web.Client())
	if err != nil {
		panic(err) // so are its files
	}
	return site
}
