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
	unfit := make([]int, 0, len(ranges))
	err := d.replicas.each(ctx, func(ctx context.Context, s *server) error {
		snapshots, err := d.readSnapshots(ctx, s, ranges)
		if err != nil {
			return err
		}
		unfit = unfit[:0]
		for i := range ranges {
			page, hole := snapshots[i].Page(ranges[i])
			pages[i] = page
			if hole || !snapshots[i].reaches(ranges[i]) {
				unfit = append(unfit, i)
			}
		}
		s.pages.Add(uint64(len(ranges) - len(unfit)))
		s.behind.Add(uint64(len(unfit)))
		return nil
	})
	noReplica := err != nil
	switch {
	case noReplica && ctx.Err() != nil:
		return nil, unavailable("read events", ctx.Err())
	case noReplica:
		unfit = unfit[:0]
		for i := range ranges {
			unfit = append(unfit, i)
		}
	}
	if len(unfit) == 0 {
		return pages, nil
	}
	err = d.primaryRanges(ctx, ranges, unfit, pages)
	if err == nil {
		return pages, nil
	}
	if noReplica || !primaryAway(ctx, err) {
		return nil, err
	}
	for _, i := range unfit {
		pages[i].Stale = true
	}
	return pages, nil
}

// primaryRanges reads the ranges that which names from the primary into pages.
func (d *DB) primaryRanges(ctx context.Context, ranges []Range, which []int, pages []Page) error {
	asked := make([]Range, len(which))
	for i, j := range which {
		asked[i] = ranges[j]
	}
	snapshots, err := d.readSnapshots(ctx, d.reader, asked)
	if err != nil {
		return err
	}
	for i, j := range which {
		if err := d.reader.judge(snapshots[i].meta); err != nil {
			return err
		}
		page, hole := snapshots[i].Page(asked[i])
		if hole {
			d.log.Error("events are missing in the log", "channel", page.Channel, "after", asked[i].After, "floor", page.Floor, "head", page.Seq)
		}
		pages[j] = page
	}
	d.reader.pages.Add(uint64(len(which)))
	return nil
}
