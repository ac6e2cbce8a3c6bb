package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/raffle"
	"github.com/bellhop/bellhop/demo/study"
)

// seedStep is the time between two of the examples; the last one has just
// happened.
const seedStep = 37 * time.Minute

// seed fills an empty database with examples. They go through the services, as
// what people do, so that the examples' people have notifications waiting; only
// the clock is set back.
func seed(ctx context.Context, db *domain.DB, now time.Time) error {
	var filled bool
	if err := db.GetContext(ctx, &filled, `SELECT EXISTS (SELECT 1 FROM posts) OR EXISTS (SELECT 1 FROM raffles)`); err != nil || filled {
		return err
	}
	s := &seeder{ctx: ctx, at: now.Add(-time.Duration(len(seedSteps)) * seedStep)}
	clock := func() time.Time { return s.at }
	s.community, s.study, s.raffle = community.New(db, clock), study.New(db, clock), raffle.New(db, clock)
	for i, step := range seedSteps {
		s.at = s.at.Add(seedStep)
		if err := step(s); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// seeder does what people would have done.
type seeder struct {
	ctx       context.Context
	at        time.Time
	community *community.Service
	study     *study.Service
	raffle    *raffle.Service

	posts, comments, projects []int64
}

func (s *seeder) post(by, board, picture string, title, body domain.Text) error {
	id, err := s.community.Write(s.ctx, by, community.NewPost{Board: board, Picture: picture, Title: title, Body: body})
	s.posts = append(s.posts, id)
	return err
}

// comment comments on the post of that number among the examples, from 0.
func (s *seeder) comment(by string, post int, body domain.Text) error {
	return s.commentUnder(by, post, nil, body)
}

// reply replies to the comment of that number.
func (s *seeder) reply(by string, post, comment int, body domain.Text) error {
	return s.commentUnder(by, post, &s.comments[comment], body)
}

func (s *seeder) commentUnder(by string, post int, parent *int64, body domain.Text) error {
	c, err := s.community.Comment(s.ctx, by, s.posts[post], parent, body)
	s.comments = append(s.comments, c.ID)
	return err
}

func (s *seeder) like(post int, people ...string) error {
	for _, by := range people {
		if _, err := s.community.Like(s.ctx, by, s.posts[post], true); err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) note(from, to string, body domain.Text) error {
	_, err := s.community.SendNote(s.ctx, from, to, body)
	return err
}

func (s *seeder) say(from, to string, body domain.Text) error {
	_, err := s.community.Say(s.ctx, from, to, body)
	return err
}

func (s *seeder) project(by string, seats int, title, body domain.Text) error {
	id, err := s.study.Propose(s.ctx, by, title, body, seats)
	s.projects = append(s.projects, id)
	return err
}

// apply has somebody apply, and the owner decide, unless that is empty.
func (s *seeder) apply(by string, project int, message domain.Text, owner string) error {
	a, err := s.study.Apply(s.ctx, by, s.projects[project], message)
	if err == nil && owner != "" {
		_, err = s.study.Decide(s.ctx, owner, a.ID, true)
	}
	return err
}

// offer begins a raffle in which people have tickets already.
func (s *seeder) offer(by string, prize domain.Text, people ...string) error {
	id, err := s.raffle.Offer(s.ctx, by, prize)
	// Not later than now, although each of them has a moment of its own.
	s.at = s.at.Add(-time.Duration(len(people)) * time.Minute)
	for _, p := range people {
		s.at = s.at.Add(time.Minute)
		if err == nil {
			_, _, err = s.raffle.Participate(s.ctx, p, id)
		}
	}
	return err
}
