package notify_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/notify"
	"github.com/bellhop/bellhop/demo/raffle"
	"github.com/bellhop/bellhop/demo/study"
)

func said(s string) domain.Text { return domain.Text{Text: s} }

// comment is one by somebody, on a post of mina's, in reply to somebody or nobody.
func comment(by, repliedTo string) community.CommentWritten {
	return community.CommentWritten{
		Comment:   community.Comment{ID: 9, Post: 7, Author: by, Body: said("Lovely!")},
		PostTitle: said("Two kittens"), PostAuthor: "mina", RepliedTo: repliedTo, AllComments: 3,
	}
}

// TestWhoIsToldOfWhat has all conditions, and that nobody is told of their own
// acts: channel and type of each notification.
func TestWhoIsToldOfWhat(t *testing.T) {
	t.Parallel()
	winner := "haru"
	decided := func(state string) study.Decided {
		return study.Decided{Application: study.Application{Applicant: "jonas", State: state}, Owner: "sora"}
	}
	for _, tt := range []struct {
		name  string
		event domain.Event
		want  []string
	}{
		{"a comment on my post", comment("jonas", ""), []string{"topic:post-7 post.comment", "user:mina comment"}},
		{"my own comment on my post", comment("mina", ""), []string{"topic:post-7 post.comment"}},
		{"a reply to my comment", comment("jonas", "haru"), []string{"topic:post-7 post.comment", "user:haru reply", "user:mina comment"}},
		{"a reply to my comment under my post: once", comment("jonas", "mina"), []string{"topic:post-7 post.comment", "user:mina reply"}},
		{"my reply to myself", comment("haru", "haru"), []string{"topic:post-7 post.comment", "user:mina comment"}},
		{"my reply under my post", comment("mina", "jonas"), []string{"topic:post-7 post.comment", "user:jonas reply"}},
		{"a comment that is taken back", community.CommentDeleted{Comment: community.Comment{ID: 9, Post: 7}, PostAuthor: "mina", Newest: true}, []string{"topic:post-7 post.uncomment", "user:mina -comments:7"}},
		{"an older reply that is", community.CommentDeleted{Comment: community.Comment{ID: 9, Post: 7}, PostAuthor: "mina", Thread: []string{"haru"}}, []string{"topic:post-7 post.uncomment", "user:haru -reply:9"}},
		{"a like", community.PostLiked{Post: 7, Likes: 1}, []string{"topic:post-7 post.likes"}},
		{"my post became popular", community.PostBecamePopular{Post: 7, Author: "mina"}, []string{"user:mina popular"}},
		{"a note", community.NoteSent{Note: community.Note{Sender: "sora", Receiver: "mina"}}, []string{"user:mina note"}},
		{"a note to myself", community.NoteSent{Note: community.Note{Sender: "mina", Receiver: "mina"}}, nil},
		{"a chat message", community.MessageSent{Message: community.Message{Sender: "sora", Receiver: "mina"}}, []string{"user:mina chat"}},
		{"an application", study.Applied{Application: study.Application{Applicant: "jonas"}, Owner: "sora"}, []string{"user:sora application"}},
		{"accepted", decided(study.Accepted), []string{"user:jonas accepted"}},
		{"refused", decided(study.Refused), []string{"user:jonas refused"}},
		{"seats", study.SeatsChanged{Project: 1}, []string{"topic:study study.seats"}},
		{"a ticket", raffle.Participated{Raffle: raffle.Raffle{ID: 2}}, []string{"raffle:2 probability"}},
		{"a new raffle", raffle.Offered{Raffle: 2}, []string{"topic:raffles raffles.changed"}},
		{"the draw", raffle.Drawn{Raffle: raffle.Raffle{ID: 2, Winner: &winner}}, []string{"topic:raffles raffles.changed", "raffle:2 winner", "user:haru won"}},
		{"what nobody waits for", "something else", nil},
	} {
		var got []string
		for _, n := range notify.For(tt.event) {
			if n.Withdrawn {
				n.Type = "-" + n.CollapseKey
			}
			got = append(got, n.Channel+" "+n.Type)
			_, err := json.Marshal(n.Data)
			require.NoError(t, err)
		}
		require.Equal(t, tt.want, got, tt.name)
	}
}

// TestManyCommentsAreOneLine of the bell: the newest stands for the older ones.
// Replies stand for themselves.
func TestManyCommentsAreOneLine(t *testing.T) {
	t.Parallel()
	all := notify.For(comment("jonas", "haru"))
	require.Equal(t, "reply:9", all[1].CollapseKey)
	require.Equal(t, "comments:7", all[2].CollapseKey)
	about, ok := all[2].Data.(notify.About)
	require.True(t, ok)
	require.Equal(t, notify.About{By: "jonas", Title: said("Two kittens"), Text: said("Lovely!"), Link: "#/posts/7", Count: 3}, about)
	message := notify.For(community.MessageSent{Message: community.Message{ID: 4, Sender: "sora", Receiver: "mina", Body: said("Hi")}})[0]
	require.Equal(t, "chat:sora", message.CollapseKey)
	text, err := json.Marshal(message.Data)
	require.NoError(t, err)
	require.JSONEq(t, `{"by":"sora","title":{"text":""},"text":{"text":"Hi"},"link":"#/chat/sora",
		"message":{"id":4,"sender":"sora","receiver":"mina","body":{"text":"Hi"},"created_at":0}}`, string(text))
}
