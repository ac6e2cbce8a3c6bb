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
