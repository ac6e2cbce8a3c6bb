package demo

import (
	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/raffle"
	"github.com/bellhop/bellhop/demo/study"
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

func (d *Demo) getRaffles(c call) (any, error) {
	raffles, err := d.raffle.Raffles(c.Context())
	return map[string]any{"raffles": raffles}, err
}

func (d *Demo) getRaffle(c call) (any, error) {
	r, history, own, err := d.raffle.Raffle(c.Context(), c.person, c.id)
	return map[string]any{"raffle": r, "probability": r.Probability(), "history": history, "own": own, "limit": raffle.MaxTickets}, err
}

func (d *Demo) postRaffle(c call, in struct {
	Prize string `json:"prize"`
}) (any, error) {
	prize, err := domain.Said("a prize", in.Prize, raffle.MaxPrize)
	if err != nil {
		return nil, err
	}
	id, err := d.raffle.Offer(c.Context(), c.person, prize)
	return created{map[string]any{"id": id}}, err
}

// postParticipation draws a ticket. Who is not signed in takes part as a guest,
// with a name of their own for every ticket.
func (d *Demo) postParticipation(c call) (any, error) {
	person := c.person
	if person == "" {
		person = guestName()
	}
	r, own, err := d.raffle.Participate(c.Context(), person, c.id)
	return created{map[string]any{"person": person, "own": own, "tickets": r.Tickets, "people": r.People, "probability": r.Probability()}}, err
}

// postCrowd has guests come in, one after the other.
func (d *Demo) postCrowd(c call) (any, error) {
	if _, _, _, err := d.raffle.Raffle(c.Context(), "", c.id); err != nil {
		return nil, err
	}
	return created{map[string]any{"guests": crowdSize}}, d.crowd.invite(c.id)
}

func (d *Demo) postDraw(c call) (any, error) {
	return d.raffle.Draw(c.Context(), c.id)
}

func (d *Demo) getProjects(c call) (any, error) {
	projects, err := d.study.Projects(c.Context())
	return map[string]any{"projects": projects}, err
}

func (d *Demo) postProject(c call, in struct {
	Title string `json:"title"`
	Text  string `json:"text"`
	Seats int    `json:"seats"`
}) (any, error) {
	title, err := domain.Said("a title", in.Title, study.MaxTitle)
	if err != nil {
		return nil, err
	}
	body, err := domain.Said("a description", in.Text, study.MaxBody)
	if err != nil {
		return nil, err
	}
	id, err := d.study.Propose(c.Context(), c.person, title, body, in.Seats)
	return created{map[string]any{"id": id}}, err
}

func (d *Demo) getApplications(c call) (any, error) {
	applications, err := d.study.Applications(c.Context(), c.person)
	return map[string]any{"applications": applications}, err
}

func (d *Demo) postApplication(c call, in text) (any, error) {
	message, err := domain.Said("a message", in.Text, study.MaxMessage)
	if err != nil {
		return nil, err
	}
	application, err := d.study.Apply(c.Context(), c.person, c.id, message)
	return created{application}, err
}

func (d *Demo) postDecision(c call, in struct {
	Accept bool `json:"accept"`
}) (any, error) {
	return d.study.Decide(c.Context(), c.person, c.id, in.Accept)
}
