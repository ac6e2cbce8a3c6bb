// Package notify turns what happens in the demo's systems into notifications. It
// is the only part that knows both: the systems emit events and know nothing of
// Bellhop, and Bellhop knows nothing of pets.
//
// The rules are one pure function, For. What it returns is written to an outbox in
// the transaction of the thing itself, and published by a worker after that: so a
// notification is sent if and only if the thing is there, whatever dies when.
package notify

import (
	"fmt"
	"time"

	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/raffle"
	"github.com/bellhop/bellhop/demo/study"
)

// Notification is one event for one channel, or the end of one.
type Notification struct {
	Channel     string
	Type        string
	Data        any
	CollapseKey string
	Life        time.Duration // 0: as long as the channel keeps it

	// Withdrawn takes away what has the CollapseKey, which is not true any more.
	Withdrawn bool
}

// About is the data of what reaches somebody's bell.
type About struct {
	By    string      `json:"by"`    // who did it
	Title domain.Text `json:"title"` // of what it is about
	Text  domain.Text `json:"text"`  // the beginning of what was written
	Link  string      `json:"link"`  // the page that shows it
	Count int         `json:"count,omitempty"`
	At    int64       `json:"at,omitempty"` // when it was, in milliseconds of 1970, where a page shows it
}

// Lives of what soon means nothing any more.
const (
	chatLife = 7 * 24 * time.Hour
	liveLife = time.Hour
)

// excerpt is how much of a text a notification has, in characters.
const excerpt = 80

// For returns whom to tell what of an event. Nobody is told of what they did
// themselves.
func For(e domain.Event) []Notification {
	switch e := e.(type) {
	case community.CommentWritten:
		return ofComment(e)
	case community.CommentDeleted:
		return ofDeleted(e)
	case community.PostLiked:
		return []Notification{live(postChannel(e.Post), "post.likes", map[string]any{"post": e.Post, "likes": e.Likes})}
	case community.PostBecamePopular:
		return []Notification{{
			Channel: inbox(e.Author), Type: "popular",
			Data: About{Title: e.PostTitle, Link: postLink(e.Post), Count: e.Likes},
		}}
	case community.NoteSent:
		return unlessOwn(e.Note.Sender, e.Note.Receiver, Notification{
			Type: "note",
			Data: About{By: e.Note.Sender, Text: e.Note.Body.Excerpt(excerpt), Link: "#/notes", At: e.Note.CreatedAt},
		})
	case community.MessageSent:
		return unlessOwn(e.Message.Sender, e.Message.Receiver, Notification{
			Type: "chat", CollapseKey: "chat:" + e.Message.Sender, Life: chatLife,
			// The whole message: an open chat shows it without asking for it.
			Data: struct {
				About

				Message community.Message `json:"message"`
			}{About{By: e.Message.Sender, Text: e.Message.Body.Excerpt(excerpt), Link: "#/chat/" + e.Message.Sender, At: e.Message.CreatedAt}, e.Message},
		})
	case study.Applied:
		return unlessOwn(e.Application.Applicant, e.Owner, Notification{
			Type: "application",
			Data: About{By: e.Application.Applicant, Title: e.ProjectTitle, Text: e.Application.Message.Excerpt(excerpt), Link: "#/study", At: e.Application.CreatedAt},
		})
	case study.Decided:
		return unlessOwn(e.Owner, e.Application.Applicant, Notification{
			Type: e.Application.State, // accepted or refused
			Data: About{By: e.Owner, Title: e.ProjectTitle, Link: "#/study"},
		})
	case study.SeatsChanged:
		return []Notification{live("topic:study", "study.seats", map[string]any{"project": e.Project, "seats": e.Seats, "taken": e.Taken})}
	case raffle.Offered:
		return []Notification{rafflesChanged(e.Raffle)}
	case raffle.Participated:
		return []Notification{live(raffleChannel(e.Raffle.ID), "probability", Probability{
			Raffle: e.Raffle.ID, Tickets: e.Raffle.Tickets, People: e.Raffle.People, Probability: e.Raffle.Probability(), At: e.At,
		})}
	case raffle.Drawn:
		return ofDraw(e.Raffle)
	default:
		return nil
	}
}

// ofComment tells the author of the comment above, or of the post; whoever is
// both hears of it once, as a reply. Whoever looks at the post sees it appear.
func ofComment(e community.CommentWritten) []Notification {
	c := e.Comment
	about := About{By: c.Author, Title: e.PostTitle, Text: c.Body.Excerpt(excerpt), Link: postLink(c.Post), At: c.CreatedAt}
	all := []Notification{live(postChannel(c.Post), "post.comment", c)}
	if e.RepliedTo != "" {
		all = append(all, unlessOwn(c.Author, e.RepliedTo, Notification{Type: "reply", Data: about, CollapseKey: replyKey(c.ID)})...)
	}
	if e.PostAuthor != e.RepliedTo {
		about.Count = e.AllComments
		all = append(all, unlessOwn(c.Author, e.PostAuthor, Notification{
			Type: "comment", Data: about,
			// A post that many comment on is one line of the bell, not twenty.
			CollapseKey: commentsKey(c.Post),
		})...)
	}
	return all
}

// ofDeleted takes what was told of a comment out of the bells. The line of a post's
// comments is about the newest of them, and goes with that.
func ofDeleted(e community.CommentDeleted) []Notification {
	c := e.Comment
	all := []Notification{live(postChannel(c.Post), "post.uncomment", map[string]any{"post": c.Post, "id": c.ID})}
	for _, person := range e.Thread {
		all = append(all, Notification{Channel: inbox(person), CollapseKey: replyKey(c.ID), Withdrawn: true})
	}
	if e.Newest {
		all = append(all, Notification{Channel: inbox(e.PostAuthor), CollapseKey: commentsKey(c.Post), Withdrawn: true})
	}
	return all
}

// Probability is what watchers of a raffle are told of each ticket.
type Probability struct {
	Raffle      int64   `json:"raffle"`
	Tickets     int     `json:"tickets"`
	People      int     `json:"people"`
	Probability float64 `json:"probability"` // of each ticket
	At          int64   `json:"at"`          // in milliseconds of 1970
}

func ofDraw(r raffle.Raffle) []Notification {
	return []Notification{
		rafflesChanged(r.ID),
		live(raffleChannel(r.ID), "winner", map[string]any{"raffle": r.ID, "winner": *r.Winner, "tickets": r.Tickets}),
		{
			Channel: inbox(*r.Winner), Type: "won",
			Data: About{By: r.Host, Title: r.Prize, Link: fmt.Sprintf("#/raffle/%d", r.ID)},
		},
	}
}

// rafflesChanged tells whoever has the list of raffles open that one has begun, or
// is over.
func rafflesChanged(id int64) Notification {
	return live("topic:raffles", "raffles.changed", map[string]any{"raffle": id})
}

// unlessOwn addresses a notification to somebody, unless they did it themselves.
func unlessOwn(by, to string, n Notification) []Notification {
	if by == to {
		return nil
	}
	n.Channel = inbox(to)
	return []Notification{n}
}

// live is for a page that is open: whoever opens it later is shown it anyway.
func live(channel, typ string, data any) Notification {
	return Notification{Channel: channel, Type: typ, Data: data, Life: liveLife}
}

func commentsKey(post int64) string     { return fmt.Sprintf("comments:%d", post) }
func replyKey(comment int64) string     { return fmt.Sprintf("reply:%d", comment) }
func inbox(person string) string        { return "user:" + person }
func postChannel(id int64) string       { return fmt.Sprintf("topic:post-%d", id) }
func postLink(id int64) string          { return fmt.Sprintf("#/posts/%d", id) }
func raffleChannel(raffle int64) string { return fmt.Sprintf("raffle:%d", raffle) }
