package gateway

import (
	"context"
	"fmt"
	"net/http"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
)

// A list may be kept by its reader alone, who has to ask whether it is still good.
const listCaching = "private, no-cache"

// etagOf names what a channel holds: its version changes with every change. It names
// the channel too, since an inbox has the same address for everybody.
func etagOf(ch event.Channel, epoch event.Epoch, version uint64) string {
	return server.ETag(fmt.Appendf(nil, "%s %s %d", ch, epoch, version))
}

// unchanged tells whether whoever asks has a channel's list as it is, without reading
// it, and returns the list's ETag if so.
func (g *Gateway) unchanged(ctx context.Context, r *http.Request, ch event.Channel) (etag string, same bool) {
	if r.Header.Get("If-None-Match") == "" || g.isKept(ch) {
		return "", false
	}
	heads, err := g.cfg.Hub.Heads(ctx, []event.Channel{ch})
	if err != nil || heads.Stale {
		return "", false // reading the list tells what is wrong
	}
	etag = etagOf(ch, heads.Epoch, heads.Heads[0].Version)
	return etag, server.Unchanged(r, etag)
}
