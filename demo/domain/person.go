package domain

import (
	"regexp"
	"slices"
)

// Person is somebody who can sign in. Whoever is not one of People may as well:
// the demo believes every name that Named accepts.
type Person struct {
	ID    string `json:"id"`
	Name  Text   `json:"name"`
	About Text   `json:"about"`
	Hue   int    `json:"hue"` // of the picture, in degrees
}

// people are those that the sign-in offers.
var people = []Person{
	{"mina", Text{"Mina", "미나"}, Text{"fosters kittens, types fast", "새끼 고양이 임시 보호 중"}, 340},
	{"jonas", Text{"Jonas", "요나스"}, Text{"has room for one old dog", "노견 한 마리 자리가 비어 있음"}, 205},
	{"sora", Text{"Sora", "소라"}, Text{"builds things with friends", "친구들과 무언가 만드는 중"}, 160},
	{"tomas", Text{"Tomas", "토마스"}, Text{"never won a raffle, yet", "추첨에 아직 당첨된 적 없음"}, 35},
	{"haru", Text{"Haru", "하루"}, Text{"reads every comment", "모든 댓글을 읽는 사람"}, 265},
}

// People are those that the sign-in offers.
func People() []Person { return slices.Clone(people) }

// names are those that can be the subject of a token and the key of a channel,
// and in a path without escapes.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

// Named returns the person of a name.
func Named(id string) (Person, error) {
	for _, p := range people {
		if p.ID == id {
			return p, nil
		}
	}
	if !names.MatchString(id) {
		return Person{}, Refuse(ErrInvalid, "a name has 1 to 32 letters, digits, dots, dashes and underscores")
	}
	hue := 0
	for _, c := range id {
		hue = (hue*31 + int(c)) % 360
	}
	return Person{ID: id, Name: Text{Text: id}, Hue: hue}, nil
}
