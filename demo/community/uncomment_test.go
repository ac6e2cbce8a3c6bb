package community_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
)

// TestCommentIsTakenBackByItsAuthorAlone, and not from under its replies.
func TestCommentIsTakenBackByItsAuthorAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	post := r.post(t)
	first, err := r.Comment(t.Context(), "jonas", post, nil, said("Are they loud?"))
	require.NoError(t, err)
	reply, err := r.Comment(t.Context(), "haru", post, &first.ID, said("At night."))
	require.NoError(t, err)
	deep, err := r.Comment(t.Context(), "sora", post, &reply.ID, said("Oh."))
	require.NoError(t, err)
	*r.events = nil

	_, err = r.Uncomment(t.Context(), "mina", deep.ID)
	require.ErrorIs(t, err, domain.ErrNotAllowed)
	_, err = r.Uncomment(t.Context(), "jonas", first.ID)
	require.ErrorIs(t, err, domain.ErrConflict)
	for _, c := range []community.Comment{reply, deep} {
		_, err = r.Uncomment(t.Context(), c.Author, c.ID)
		require.NoError(t, err)
	}
	_, err = r.Uncomment(t.Context(), "jonas", first.ID)
	require.NoError(t, err)
	_, err = r.Uncomment(t.Context(), "jonas", first.ID)
	require.ErrorIs(t, err, domain.ErrNotFound)
	require.Equal(t, []domain.Event{
		community.CommentDeleted{Comment: reply, PostAuthor: "mina", Thread: []string{"jonas"}},
		community.CommentDeleted{Comment: deep, PostAuthor: "mina", Newest: true, Thread: []string{"jonas"}},
		community.CommentDeleted{Comment: first, PostAuthor: "mina", Newest: true},
	}, *r.events)
}
