//go:build !linux

package engine

import (
	"context"
	"net/http"

	"github.com/bellhop/bellhop/gateway/conn"
)

// loops are none: every stream is carried by its handler.
type loops struct{}

func (*loops) start(*Engine) error { return nil }

func (*loops) take(http.ResponseWriter, []byte, conn.Source, conn.Options) bool { return false }

func (*loops) stop(context.Context) int { return 0 }
