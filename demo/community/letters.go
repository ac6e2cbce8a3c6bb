package community

import (
	"context"

	"github.com/bellhop/bellhop/demo/domain"
)

// Note is a letter from one person to another.
type Note struct {
	ID        int64       `db:"id" json:"id"`
	Sender    string      `db:"sender" json:"sender"`
	Receiver  string      `db:"receiver" json:"receiver"`
	Body      domain.Text `db:"body" json:"body"`
	CreatedAt int64       `db:"created_at" json:"created_at"`
}

// Notes lists the newest notes that a person got or wrote.
func (s *Service) Notes(ctx context.Context, person string) ([]Note, error) {
	return domain.List[Note](ctx, s.db,
		`SELECT id, sender, receiver, body, created_at FROM notes WHERE receiver = ? OR sender = ? ORDER BY id DESC LIMIT ?`, person, person, mostListed)
}

// SendNote sends a note. Somebody may write to themselves: it is a reminder.
func (s *Service) SendNote(ctx context.Context, from, to string, body domain.Text) (Note, error) {
	n := Note{Sender: from, Receiver: to, Body: body, CreatedAt: domain.Millis(s.now())}
	_, err := s.db.Add(ctx, func(id int64) domain.Event { n.ID = id; return NoteSent{n} },
		`INSERT INTO notes (sender, receiver, body, created_at) VALUES (?, ?, ?, ?)`, n.Sender, n.Receiver, n.Body, n.CreatedAt)
	return n, err
}

// Message is one line of a chat between two people.
type Message Note

// conversation is the name of what two people say to each other. Names have no
// spaces.
func conversation(a, b string) string { return min(a, b) + " " + max(a, b) }

const selectMessages = `SELECT id, sender, receiver, body, created_at FROM messages `

// Chats lists the last message of each of a person's chats, the newest first.
func (s *Service) Chats(ctx context.Context, person string) ([]Message, error) {
	return domain.List[Message](ctx, s.db, selectMessages+`
WHERE id IN (SELECT MAX(id) FROM messages WHERE sender = ? OR receiver = ? GROUP BY conversation)
ORDER BY id DESC LIMIT ?`, person, person, mostListed)
}

// Chat lists the newest messages between two people, the oldest of them first.
func (s *Service) Chat(ctx context.Context, person, other string) ([]Message, error) {
	return domain.List[Message](ctx, s.db, selectMessages+`
WHERE id IN (SELECT id FROM messages WHERE conversation = ? ORDER BY id DESC LIMIT ?) ORDER BY id`, conversation(person, other), mostListed)
}

// Say adds a message to the chat of two people.
func (s *Service) Say(ctx context.Context, from, to string, body domain.Text) (Message, error) {
	if from == to {
		return Message{}, domain.Refuse(domain.ErrInvalid, "a chat takes two")
	}
	m := Message{Sender: from, Receiver: to, Body: body, CreatedAt: domain.Millis(s.now())}
	_, err := s.db.Add(ctx, func(id int64) domain.Event { m.ID = id; return MessageSent{m} },
		`INSERT INTO messages (conversation, sender, receiver, body, created_at) VALUES (?, ?, ?, ?, ?)`,
		conversation(from, to), m.Sender, m.Receiver, m.Body, m.CreatedAt)
	return m, err
}
