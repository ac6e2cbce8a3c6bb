package community_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
)

// rig is a community with an empty database, and what it emitted.
type rig struct {
	*community.Service

	events *[]domain.Event
}

func newRig(t *testing.T) rig {
	t.Helper()
	db, err := domain.Open(t.Context(), filepath.Join(t.TempDir(), "demo.db"), community.Schema)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	var events []domain.Event
	db.Subscribe(func(_ context.Context, _ *sqlx.Tx, e domain.Event) error {
		events = append(events, e)
		return nil
	}, nil)
	return rig{community.New(db, time.Now), &events}
}

// post is a post of mina's.
func (r rig) post(t *testing.T) int64 {
	t.Helper()
	id, err := r.Write(t.Context(), "mina", community.NewPost{Board: "adopt", Picture: "cat", Title: said("Two kittens"), Body: said("Both or none.")})
	require.NoError(t, err)
	return id
}

func said(s string) domain.Text { return domain.Text{Text: s} }

func TestPostsAreListedByBoardTheNewestFirst(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first, second := r.post(t), r.post(t)
	talk, err := r.Write(t.Context(), "jonas", community.NewPost{Board: "talk", Picture: "none", Title: said("Hi"), Body: said("Hello")})
	require.NoError(t, err)
	ids := func(board string) (ids []int64) {
		posts, err := r.Posts(t.Context(), "", board)
		require.NoError(t, err)
		for _, p := range posts {
			ids = append(ids, p.ID)
		}
		return ids
	}
	require.Equal(t, []int64{talk, second, first}, ids(""))
	require.Equal(t, []int64{second, first}, ids("adopt"))
	require.Empty(t, ids("found"))
	_, err = r.Posts(t.Context(), "", "nowhere")
	require.ErrorIs(t, err, domain.ErrNotFound)
	_, err = r.Write(t.Context(), "mina", community.NewPost{Board: "nowhere", Picture: "cat"})
	require.ErrorIs(t, err, domain.ErrInvalid)
	_, err = r.Write(t.Context(), "mina", community.NewPost{Board: "talk", Picture: "dragon"})
	require.ErrorIs(t, err, domain.ErrInvalid)
	_, _, err = r.Post(t.Context(), "", 99)
	require.ErrorIs(t, err, domain.ErrNotFound)
	require.Empty(t, *r.events, "nobody has to be told of a post")
}

func TestCommentsTellWhoseTheyReplyTo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	post, other := r.post(t), r.post(t)
	first, err := r.Comment(t.Context(), "jonas", post, nil, said("Are they loud?"))
	require.NoError(t, err)
	reply, err := r.Comment(t.Context(), "mina", post, &first.ID, said("At night."))
	require.NoError(t, err)
	require.Equal(t, first.ID, *reply.Parent)
	deep, err := r.Comment(t.Context(), "haru", post, &reply.ID, said("Oh."))
	require.NoError(t, err)
	require.Equal(t, first.ID, *deep.Parent, "it stands beside what it replies to")
	require.Equal(t, []domain.Event{
		community.CommentWritten{Comment: first, PostTitle: said("Two kittens"), PostAuthor: "mina", AllComments: 1},
		community.CommentWritten{Comment: reply, PostTitle: said("Two kittens"), PostAuthor: "mina", RepliedTo: "jonas", AllComments: 2},
		community.CommentWritten{Comment: deep, PostTitle: said("Two kittens"), PostAuthor: "mina", RepliedTo: "mina", AllComments: 3},
	}, *r.events)

	_, comments, err := r.Post(t.Context(), "", post)
	require.NoError(t, err)
	require.Equal(t, []community.Comment{first, reply, deep}, comments)
	_, err = r.Comment(t.Context(), "jonas", 99, nil, said("?"))
	require.ErrorIs(t, err, domain.ErrNotFound)
	nowhere := int64(99)
	_, err = r.Comment(t.Context(), "jonas", post, &nowhere, said("?"))
	require.ErrorIs(t, err, domain.ErrNotFound)
	_, err = r.Comment(t.Context(), "jonas", other, &first.ID, said("?"))
	require.ErrorIs(t, err, domain.ErrInvalid)
	require.Len(t, *r.events, 3)
}

// TestPostBecomesPopularOnce, and not by its author's own doing.
func TestPostBecomesPopularOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	post := r.post(t)
	like := func(person string, likes bool) int {
		n, err := r.Like(t.Context(), person, post, likes)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 1, like("mina", true))
	require.Equal(t, 2, like("jonas", true))
	require.Equal(t, 2, like("jonas", true), "once more is once")
	require.Equal(t, 3, like("haru", true))
	require.Len(t, *r.events, 3)
	require.Equal(t, 4, like("sora", true))
	require.Equal(t, community.PostBecamePopular{Post: post, PostTitle: said("Two kittens"), Author: "mina", Likes: 4}, (*r.events)[4])
	require.Equal(t, 3, like("sora", false))
	require.Equal(t, 3, like("sora", false))
	require.Equal(t, 4, like("sora", true))
	require.Equal(t, 5, like("tomas", true))
	popular := 0
	for _, e := range *r.events {
		if _, ok := e.(community.PostBecamePopular); ok {
			popular++
		}
	}
	require.Equal(t, 1, popular)
	p, _, err := r.Post(t.Context(), "tomas", post)
	require.NoError(t, err)
	require.True(t, p.Popular)
	require.True(t, p.Liked)
	require.Equal(t, 5, p.Likes)
	_, err = r.Like(t.Context(), "tomas", 99, true)
	require.ErrorIs(t, err, domain.ErrNotFound)
}

func TestLettersReachWhomTheyAreFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	note, err := r.SendNote(t.Context(), "sora", "mina", said("Thank you!"))
	require.NoError(t, err)
	for person, want := range map[string]int{"sora": 1, "mina": 1, "haru": 0} {
		notes, err := r.Notes(t.Context(), person)
		require.NoError(t, err)
		require.Len(t, notes, want, person)
	}
	one, err := r.Say(t.Context(), "jonas", "mina", said("Saturday?"))
	require.NoError(t, err)
	two, err := r.Say(t.Context(), "mina", "jonas", said("Saturday."))
	require.NoError(t, err)
	three, err := r.Say(t.Context(), "mina", "haru", said("Hello"))
	require.NoError(t, err)
	for _, person := range []string{"mina", "jonas"} {
		messages, err := r.Chat(t.Context(), person, map[string]string{"mina": "jonas", "jonas": "mina"}[person])
		require.NoError(t, err)
		require.Equal(t, []community.Message{one, two}, messages)
	}
	chats, err := r.Chats(t.Context(), "mina")
	require.NoError(t, err)
	require.Equal(t, []community.Message{three, two}, chats, "the last of each, the newest first")
	_, err = r.Say(t.Context(), "mina", "mina", said("Hm"))
	require.ErrorIs(t, err, domain.ErrInvalid)
	require.Equal(t, []domain.Event{
		community.NoteSent{Note: note}, community.MessageSent{Message: one}, community.MessageSent{Message: two}, community.MessageSent{Message: three},
	}, *r.events)
}
