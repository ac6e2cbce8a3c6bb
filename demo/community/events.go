package community

import "github.com/bellhop/bellhop/demo/domain"

// CommentWritten says: somebody wrote a comment under a post, or a reply under a
// comment.
type CommentWritten struct {
	Comment     Comment
	PostTitle   domain.Text
	PostAuthor  string
	RepliedTo   string // the author of the comment above; empty for no reply
	AllComments int    // under the post, with this one
}

// PostLiked says: somebody likes a post, or does not any more.
type PostLiked struct {
	Post  int64
	Likes int
}

// PostBecamePopular says: PopularAt people like it, besides its author. It happens to
// a post once.
type PostBecamePopular struct {
	Post      int64
	PostTitle domain.Text
	Author    string
	Likes     int
}

// NoteSent says: somebody wrote somebody a note.
type NoteSent struct{ Note Note }

// MessageSent says: somebody said something in a chat.
type MessageSent struct{ Message Message }
