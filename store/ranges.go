package store

import (
	"context"
	"fmt"
)

// Ranges reads the events of channels, each after a position; the pages run
// parallel to ranges, at most MaxRanges. Each page is of one snapshot.
//
// A replica is asked first. Those of its pages that do not reach what the range
// expects (another epoch, a lower head or version, a hole) are read again from
// the primary. While the primary is away they are returned as they are, Stale.
// A page of the primary that does not match what the range expects is the truth,
// and the asker's to judge.
//
// The data of all pages together is bounded (about 8 MiB): once that is reached,
// the pages that follow are shorter than asked, or empty. Their Last then is
// below their Seq, and the rest can be asked for in another call; the first
// range always gets at least one event.
func (d *DB) Ranges(ctx context.Context, ranges []Range) ([]Page, error) {
	if len(ranges) > MaxRanges {
		return nil, fmt.Errorf("%d ranges: want at most %d", len(ranges), MaxRanges)
	}
	pages := make([]Page, len(ranges))
	unfit := make([]int, 0, len(ranges)) // those that the primary has to answer
	for i := range ranges {
		unfit = append(unfit, i)
	}
	budget := pageBytes
	stale, err := d.replicaFirst(ctx, "read events", len(ranges), func(ctx context.Context, s *server) (int, error) {
		snapshots, err := d.readSnapshots(ctx, s, ranges, pageBytes)
		if err != nil {
			return 0, err
		}
		unfit = unfit[:0]
		for i := range ranges {
			page, hole := snapshots[i].Page(ranges[i])
			pages[i] = page
			if hole || !snapshots[i].reaches(ranges[i]) {
				unfit = append(unfit, i)
				continue
			}
			for j := range page.Events {
				budget -= rowOverhead + len(page.Events[j].Data)
			}
		}
		return len(unfit), nil
	}, func(ctx context.Context) error {
		return d.primaryRanges(ctx, ranges, unfit, pages, max(budget, 1)) // at least an event of the first one
	})
	if err != nil {
		return nil, err
	}
	if stale {
		for _, i := range unfit {
			pages[i].Stale = true
		}
	}
	return pages, nil
}

// replicaFirst reads pages from a replica, and those that this one does not have yet, or
// all if none answers, from the primary. stale: the primary is away, and what the replica
// said of them is all there is.
func (d *DB) replicaFirst(ctx context.Context, what string, pages int,
	replica func(context.Context, *server) (unfit int, err error), primary func(context.Context) error,
) (stale bool, err error) {
	unfit := pages
	none := d.replicas.each(ctx, func(ctx context.Context, s *server) error {
		n, err := replica(ctx, s)
		if err == nil {
			unfit = n
			s.pages.Add(uint64(pages - n))
			s.behind.Add(uint64(n))
		}
		return err
	})
	switch {
	case unfit == 0:
		return false, nil
	case none != nil && ctx.Err() != nil:
		return false, unavailable(what, ctx.Err())
	}
	if err = primary(ctx); err == nil {
		d.reader.pages.Add(uint64(unfit))
		return false, nil
	}
	if none != nil || !primaryAway(ctx, err) {
		return false, err
	}
	return true, nil
}

// primaryRanges reads the ranges that which names from the primary into pages, within a
// budget of bytes.
func (d *DB) primaryRanges(ctx context.Context, ranges []Range, which []int, pages []Page, budget int) error {
	asked := make([]Range, len(which))
	for i, j := range which {
		asked[i] = ranges[j]
	}
	snapshots, err := d.readSnapshots(ctx, d.reader, asked, budget)
	if err != nil {
		return err
	}
	for i, j := range which {
		page, hole := snapshots[i].Page(asked[i])
		if hole {
			d.log.Error("events are missing in the log", "channel", page.Channel, "after", asked[i].After, "floor", page.Floor, "head", page.Seq)
		}
		pages[j] = page
	}
	return nil
}
