package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ErrResponse is what every refusal of a decoder wraps.
var ErrResponse = errors.New("bad response")

// maxKept bounds what a decoder keeps of a head or block that has not ended.
const maxKept = 1 << 20

// decoder takes a stream's response apart as its bytes come: the head, the
// chunks, the blocks in them. Of the usual read, which holds whole blocks, it
// copies nothing. It is strict: what Bellhop must not send is an error.
type decoder struct {
	head  bool   // the head was read
	ended bool   // the last chunk was read
	phase phase  // within the body
	left  int    // bytes of the chunk that have not come
	line  []byte // the chunk's head so far
	kept  []byte // of a head, or of a block that has not ended
}

type phase uint8

const (
	chunkSize phase = iota
	chunkData
	chunkEnd
	lastEnd
)

// reset prepares for another response and keeps the room.
func (d *decoder) reset() { *d = decoder{line: d.line[:0], kept: d.kept[:0]} }

// whole tells whether nothing is missing: the response ended properly.
func (d *decoder) whole() bool { return d.ended && len(d.kept) == 0 }

// feed takes bytes and calls block for every block that ends in them, without
// the empty line. The block is valid only during the call.
func (d *decoder) feed(b []byte, block func([]byte)) error {
	if !d.head {
		rest, err := d.feedHead(b)
		if err != nil || !d.head {
			return err
		}
		b = rest
	}
	for len(b) > 0 {
		if d.ended {
			return fmt.Errorf("%w: bytes after the last chunk", ErrResponse)
		}
		var err error
		if b, err = d.feedBody(b, block); err != nil {
			return err
		}
	}
	return nil
}

var headEnd = []byte("\r\n\r\n")

func (d *decoder) feedHead(b []byte) (rest []byte, err error) {
	before := len(d.kept)
	if before+len(b) > maxKept {
		return nil, fmt.Errorf("%w: the head does not end", ErrResponse)
	}
	d.kept = append(d.kept, b...)
	i := bytes.Index(d.kept, headEnd)
	if i < 0 {
		return nil, nil
	}
	head := d.kept[:i]
	status, _, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return nil, fmt.Errorf("%w: %q", ErrResponse, status)
	}
	if !bytes.Contains(bytes.ToLower(head), []byte("\r\ntransfer-encoding: chunked")) {
		return nil, fmt.Errorf("%w: it is not chunked", ErrResponse)
	}
	d.head = true
	d.kept = d.kept[:0]
	return b[i+len(headEnd)-before:], nil
}

// feedBody takes some of b and returns the rest.
func (d *decoder) feedBody(b []byte, block func([]byte)) ([]byte, error) {
	switch d.phase {
	case chunkSize:
		return d.feedSize(b)
	case chunkData:
		n := min(d.left, len(b))
		if err := d.feedData(b[:n], block); err != nil {
			return nil, err
		}
		if d.left -= n; d.left == 0 {
			d.phase = chunkEnd
		}
		return b[n:], nil
	default: // CR LF, after a chunk's data or the last chunk's head
		want := "\r\n"[len(d.line)]
		if b[0] != want {
			return nil, fmt.Errorf("%w: %q at a chunk's end", ErrResponse, b[0])
		}
		if d.line = append(d.line, b[0]); len(d.line) == 2 {
			d.line = d.line[:0]
			d.ended = d.phase == lastEnd
			d.phase = chunkSize
		}
		return b[1:], nil
	}
}

func (d *decoder) feedSize(b []byte) ([]byte, error) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		i = len(b) - 1
	}
	d.line = append(d.line, b[:i+1]...)
	if len(d.line) > 20 {
		return nil, fmt.Errorf("%w: chunk size %q", ErrResponse, d.line)
	}
	if d.line[len(d.line)-1] != '\n' {
		return nil, nil
	}
	size, ok := bytes.CutSuffix(d.line, []byte("\r\n"))
	n, err := strconv.ParseUint(string(size), 16, 31)
	if !ok || err != nil {
		return nil, fmt.Errorf("%w: chunk size %q", ErrResponse, d.line)
	}
	d.line = d.line[:0]
	d.left, d.phase = int(n), chunkData
	if n == 0 {
		d.phase = lastEnd
	}
	return b[i+1:], nil
}

var blockEnd = []byte("\n\n")

func (d *decoder) feedData(b []byte, block func([]byte)) error {
	if len(d.kept) > 0 {
		if len(d.kept)+len(b) > maxKept {
			return fmt.Errorf("%w: a block does not end", ErrResponse)
		}
		d.kept = append(d.kept, b...)
		b = d.kept
	}
	for {
		i := bytes.Index(b, blockEnd)
		if i < 0 {
			break
		}
		block(b[:i])
		b = b[i+len(blockEnd):]
	}
	d.kept = append(d.kept[:0], b...) // moves the rest to the front if it lies there already
	return nil
}
