// Package sse reads Server-Sent Events as a browser does, but strictly: what
// Bellhop must never send is an error here. Tests and tools use it.
package sse

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrBlock is what a reader returns for a stream that is not what Bellhop sends.
var ErrBlock = errors.New("malformed event stream")

// Block is one block of a stream: an event, or the comment of a heartbeat.
type Block struct {
	Comment string // without the colon; then the other fields are empty
	Event   string // empty: message
	Data    string
	ID      string
	Retry   time.Duration // zero: none
}

// Reader takes a stream apart.
type Reader struct {
	r *bufio.Reader
}

// NewReader reads from r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, 4096)} }

// Next returns the next whole block. A stream that ends between blocks gives
// io.EOF, one that ends inside a block io.ErrUnexpectedEOF; a browser ignores
// what it has of such a block, and so do we.
func (r *Reader) Next() (Block, error) {
	var b Block
	seen := map[string]bool{}
	for {
		line, err := r.r.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) && (line != "" || len(seen) > 0) {
				err = io.ErrUnexpectedEOF
			}
			return Block{}, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			if len(seen) == 0 {
				return Block{}, fmt.Errorf("%w: an empty block", ErrBlock)
			}
			return b, nil
		}
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case !ok || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\x00"):
			return Block{}, fmt.Errorf("%w: line %q", ErrBlock, line)
		case seen[name] || seen["id"] || seen[""]:
			return Block{}, fmt.Errorf("%w: %q after the id, a comment or another %q", ErrBlock, line, name)
		}
		seen[name] = true
		if err := b.set(name, value); err != nil {
			return Block{}, err
		}
	}
}

func (b *Block) set(name, value string) error {
	switch name {
	case "":
		b.Comment = value
	case "event":
		b.Event = value
	case "data":
		b.Data = value
	case "id":
		b.ID = value
	case "retry":
		ms, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return fmt.Errorf("%w: retry %q", ErrBlock, value)
		}
		b.Retry = time.Duration(ms) * time.Millisecond
	default:
		return fmt.Errorf("%w: field %q", ErrBlock, name)
	}
	return nil
}
