package demo

import (
	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/study"
)

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
