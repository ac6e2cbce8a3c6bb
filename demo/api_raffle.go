package demo

import (
	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/raffle"
)

func (d *Demo) getRaffles(c call) (any, error) {
	raffles, err := d.raffle.Raffles(c.Context())
	return map[string]any{"raffles": raffles}, err
}

func (d *Demo) getRaffle(c call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	r, history, own, err := d.raffle.Raffle(c.Context(), c.person, id)
	return map[string]any{"raffle": r, "probability": r.Probability(), "history": history, "own": own, "limit": raffle.MaxTickets}, err
}

func (d *Demo) postRaffle(c call) (any, error) {
	in, err := read[struct {
		Prize string `json:"prize"`
	}](c)
	if err != nil {
		return nil, err
	}
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
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	person := c.person
	if person == "" {
		person = guestName()
	}
	r, own, err := d.raffle.Participate(c.Context(), person, id)
	return created{map[string]any{"person": person, "own": own, "tickets": r.Tickets, "people": r.People, "probability": r.Probability()}}, err
}

// postCrowd has guests come in, one after the other.
func (d *Demo) postCrowd(c call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	if _, _, _, err := d.raffle.Raffle(c.Context(), "", id); err != nil {
		return nil, err
	}
	return created{map[string]any{"guests": crowdSize}}, d.crowd.invite(id)
}

func (d *Demo) postDraw(c call) (any, error) {
	id, err := c.id()
	if err != nil {
		return nil, err
	}
	return d.raffle.Draw(c.Context(), id)
}
