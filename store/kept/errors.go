package kept

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/store"
)

// errAnswer: the script and this program do not understand each other.
var errAnswer = errors.New("unexpected answer of a script")

// unread is the error of a read, or of a purge.
func unread(what string, err error) error {
	if redis.HasErrorPrefix(err, "READONLY") {
		return fmt.Errorf("%s: %w: %w: %w", what, store.ErrUnavailable, store.ErrNotPrimary, err)
	}
	return fmt.Errorf("%s: %w: %w", what, store.ErrUnavailable, err)
}

// unwritten is the error of an append. What the server refused it did not do,
// because the script writes last; what never reached it neither. Of an answer
// that did not arrive nobody knows.
func unwritten(err error) error {
	failed := unread("append", err)
	if refused := redis.Error(nil); errors.As(err, &refused) || neverSent(err) {
		return fmt.Errorf("%w: %w", store.ErrNotWritten, failed)
	}
	return failed
}

// neverSent tells whether err surely came before a command was written: there was
// no connection to be had.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	return errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) || errors.Is(err, redis.ErrClosed)
}

// left is the error of a caller who was gone before anything was tried; nil if
// that is not so.
func left(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w: %w", store.ErrNotWritten, store.ErrUnavailable, err)
	}
	return nil
}
