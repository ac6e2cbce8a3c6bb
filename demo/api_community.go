package demo

import (
	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
)

func (d *Demo) getPosts(c call) (any, error) {
	posts, err := d.community.Posts(c.Context(), c.person, c.URL.Query().Get("board"))
	return map[string]any{"posts": posts}, err
}

func (d *Demo) getPost(c call) (any, error) {
	post, comments, err := d.community.Post(c.Context(), c.person, c.id)
	return map[string]any{"post": post, "comments": comments}, err
}

func (d *Demo) postPost(c call, in struct {
	Board   string `json:"board"`
	Title   string `json:"title"`
	Text    string `json:"text"`
	Picture string `json:"picture"`
}) (any, error) {
	title, err := domain.Said("a title", in.Title, community.MaxTitle)
	if err != nil {
		return nil, err
	}
	body, err := domain.Said("a post", in.Text, community.MaxBody)
	if err != nil {
		return nil, err
	}
	id, err := d.community.Write(c.Context(), c.person, community.NewPost{Board: in.Board, Picture: in.Picture, Title: title, Body: body})
	return created{map[string]any{"id": id}}, err
}

// text is the body of whatever has only a text.
type text struct {
	Text string `json:"text"`
}

func (d *Demo) postComment(c call, in struct {
	text

	Parent *int64 `json:"parent"`
}) (any, error) {
	body, err := domain.Said("a comment", in.Text, community.MaxComment)
	if err != nil {
		return nil, err
	}
	comment, err := d.community.Comment(c.Context(), c.person, c.id, in.Parent, body)
	return created{comment}, err
}

func (d *Demo) deleteComment(c call) (any, error) {
	return d.community.Uncomment(c.Context(), c.person, c.id)
}

func (d *Demo) putLike(c call) (any, error)    { return d.like(c, true) }
func (d *Demo) deleteLike(c call) (any, error) { return d.like(c, false) }

func (d *Demo) like(c call, likes bool) (any, error) {
	n, err := d.community.Like(c.Context(), c.person, c.id, likes)
	return map[string]any{"likes": n, "liked": likes}, err
}

func (d *Demo) getNotes(c call) (any, error) {
	notes, err := d.community.Notes(c.Context(), c.person)
	return map[string]any{"notes": notes}, err
}

func (d *Demo) postNote(c call, in struct {
	text

	To string `json:"to"`
}) (any, error) {
	to, err := domain.Named(in.To)
	if err != nil {
		return nil, err
	}
	body, err := domain.Said("a note", in.Text, community.MaxBody)
	if err != nil {
		return nil, err
	}
	note, err := d.community.SendNote(c.Context(), c.person, to.ID, body)
	return created{note}, err
}

func (d *Demo) getChats(c call) (any, error) {
	chats, err := d.community.Chats(c.Context(), c.person)
	return map[string]any{"chats": chats}, err
}

func (d *Demo) getChat(c call) (any, error) {
	other, err := domain.Named(c.PathValue("person"))
	if err != nil {
		return nil, err
	}
	messages, err := d.community.Chat(c.Context(), c.person, other.ID)
	return map[string]any{"messages": messages}, err
}

func (d *Demo) postMessage(c call, in text) (any, error) {
	other, err := domain.Named(c.PathValue("person"))
	if err != nil {
		return nil, err
	}
	body, err := domain.Said("a message", in.Text, community.MaxComment)
	if err != nil {
		return nil, err
	}
	message, err := d.community.Say(c.Context(), c.person, other.ID, body)
	return created{message}, err
}
