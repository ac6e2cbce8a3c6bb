// Package web is the browser's side: the client bellhop.js and the element
// <bellhop-bell>, embedded, and a handler for pages that use them. All of it is
// plain JavaScript without a dependency and without a build step: src has the parts,
// and the two files are made of them.
package web

import (
	"embed"
	"io/fs"
)

//go:embed bellhop.js bellhop.d.ts bellhop-bell.js bellhop-bell.d.ts bellhop-toasts.js bellhop-toasts.d.ts bellhop-attention.js bellhop-attention.d.ts bellhop-tidy.js bellhop-tidy.d.ts texts
var client embed.FS

// Client returns the files that a page needs to use Bellhop: bellhop.js, the
// client, bellhop-bell.js, the element, bellhop-tidy.js, its tabs and archive,
// bellhop-toasts.js and bellhop-attention.js, which show what arrives in further ways, and
// their types. All scripts are ES modules
// that import nothing from elsewhere, but for texts of further languages, which the
// element fetches from the folder texts where a page is in one of these.
func Client() fs.FS { return client }
