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

// seedPause is the time between two of the examples; the last one has just
// happened.
const seedPause = 37 * time.Minute

// seed fills an empty database with examples. They go through the services, as
// what people do, so that the examples' people have notifications waiting; only
// the clock is set back.
func seed(ctx context.Context, db *domain.DB, now time.Time) error {
	var filled bool
	if err := db.GetContext(ctx, &filled, `SELECT EXISTS (SELECT 1 FROM posts) OR EXISTS (SELECT 1 FROM raffles)`); err != nil || filled {
		return err
	}
	s := &seeder{ctx: ctx, at: now.Add(-time.Duration(len(seedSteps)) * seedPause)}
	clock := func() time.Time { return s.at }
	s.community, s.study, s.raffle = community.New(db, clock), study.New(db, clock), raffle.New(db, clock)
	for i, step := range seedSteps {
		s.at = s.at.Add(seedPause)
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

// seedStep is one thing that somebody did.
type seedStep func(*seeder) error

func seedPost(by, board, picture string, title, body domain.Text) seedStep {
	return func(s *seeder) error {
		id, err := s.community.Write(s.ctx, by, community.NewPost{Board: board, Picture: picture, Title: title, Body: body})
		s.posts = append(s.posts, id)
		return err
	}
}

// seedComment comments on the post of that number among the examples, from 0; if reply is
// not negative, it replies to the comment of that number.
func seedComment(by string, post, reply int, body domain.Text) seedStep {
	return func(s *seeder) error {
		var parent *int64
		if reply >= 0 {
			parent = &s.comments[reply]
		}
		c, err := s.community.Comment(s.ctx, by, s.posts[post], parent, body)
		s.comments = append(s.comments, c.ID)
		return err
	}
}

func seedLikes(post int, people ...string) seedStep {
	return func(s *seeder) error {
		for _, by := range people {
			if _, err := s.community.Like(s.ctx, by, s.posts[post], true); err != nil {
				return err
			}
		}
		return nil
	}
}

func seedNote(from, to string, body domain.Text) seedStep {
	return func(s *seeder) error {
		_, err := s.community.SendNote(s.ctx, from, to, body)
		return err
	}
}

func seedMessage(from, to string, body domain.Text) seedStep {
	return func(s *seeder) error {
		_, err := s.community.Say(s.ctx, from, to, body)
		return err
	}
}

func seedProject(by string, seats int, title, body domain.Text) seedStep {
	return func(s *seeder) error {
		id, err := s.study.Propose(s.ctx, by, title, body, seats)
		s.projects = append(s.projects, id)
		return err
	}
}

// seedApplication has somebody apply, and the owner decide, unless that is empty.
func seedApplication(by string, project int, message domain.Text, owner string) seedStep {
	return func(s *seeder) error {
		a, err := s.study.Apply(s.ctx, by, s.projects[project], message)
		if err == nil && owner != "" {
			_, err = s.study.Decide(s.ctx, owner, a.ID, true)
		}
		return err
	}
}

// seedRaffle begins a raffle in which people have tickets already.
func seedRaffle(by string, prize domain.Text, people ...string) seedStep {
	return func(s *seeder) error {
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
}
