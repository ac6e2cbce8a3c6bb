package demo

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/bellhop/bellhop/demo/domain"
)

// maxBody bounds a request: a text of a few thousand characters.
const maxBody = 64 << 10

// call is a request to the API.
type call struct {
	*http.Request

	person string // who sends it; empty for a visitor
	id     int64  // the number in the path, if the path has one
}

// endpoint answers a call with something for the JSON of its body.
type endpoint func(c call) (any, error)

// created is an answer of the status 201.
type created struct{ body any }

// routes are all paths of the demo.
func (d *Demo) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", d.page)
	visitor := func(pattern string, e endpoint) { mux.Handle(pattern, d.answer(e, false)) }
	person := func(pattern string, e endpoint) { mux.Handle(pattern, d.answer(e, true)) }

	visitor("POST /demo/token", withBody(d.postToken))
	visitor("GET /api/v1/people", d.getPeople)
	visitor("GET /api/v1/vitals", d.getVitals)
	visitor("/api/", noSuchThing)

	visitor("GET /api/v1/posts", d.getPosts)
	visitor("GET /api/v1/posts/{id}", d.getPost)
	person("POST /api/v1/posts", withBody(d.postPost))
	person("POST /api/v1/posts/{id}/comments", withBody(d.postComment))
	person("DELETE /api/v1/comments/{id}", d.deleteComment)
	person("PUT /api/v1/posts/{id}/like", d.putLike)
	person("DELETE /api/v1/posts/{id}/like", d.deleteLike)
	person("GET /api/v1/notes", d.getNotes)
	person("POST /api/v1/notes", withBody(d.postNote))
	person("GET /api/v1/chats", d.getChats)
	person("GET /api/v1/chats/{person}", d.getChat)
	person("POST /api/v1/chats/{person}", withBody(d.postMessage))

	visitor("GET /api/v1/projects", d.getProjects)
	person("POST /api/v1/projects", withBody(d.postProject))
	person("GET /api/v1/applications", d.getApplications)
	person("POST /api/v1/projects/{id}/applications", withBody(d.postApplication))
	person("POST /api/v1/applications/{id}/decision", withBody(d.postDecision))

	visitor("GET /api/v1/raffles", d.getRaffles)
	visitor("GET /api/v1/raffles/{id}", d.getRaffle)
	person("POST /api/v1/raffles", withBody(d.postRaffle))
	visitor("POST /api/v1/raffles/{id}/participate", d.postParticipation)
	person("POST /api/v1/raffles/{id}/crowd", d.postCrowd)
	person("POST /api/v1/raffles/{id}/draw", d.postDraw)
	return ownPagesOnly(mux)
}

// ownPagesOnly refuses what other sites' pages would send: the demo believes
// everybody who can reach it, and a browser on this machine can.
func ownPagesOnly(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "the demo answers its own page only")
	}))
	return protection.Handler(next)
}

// answer makes a handler of an endpoint; of one that only somebody who is signed
// in may use, if signedIn.
func (d *Demo) answer(e endpoint, signedIn bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		person, err := d.person(r)
		if err == nil && signedIn && person == "" {
			err = errToken
		}
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, err.Error())
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		var body any
		c := call{Request: r, person: person}
		if c.id, err = pathID(r); err == nil {
			body, err = e(c)
		}
		if err != nil {
			d.refuseError(w, r, err)
			return
		}
		status := http.StatusOK
		if c, ok := body.(created); ok {
			status, body = http.StatusCreated, c.body
		}
		send(w, status, "application/json", body)
	})
}

// refuseError says why something was not done.
func (d *Demo) refuseError(w http.ResponseWriter, r *http.Request, err error) {
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
	case errors.Is(err, errJSON):
		refuse(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, domain.ErrInvalid):
		refuse(w, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, domain.ErrNotFound):
		refuse(w, http.StatusNotFound, err.Error())
	case errors.Is(err, domain.ErrNotAllowed):
		refuse(w, http.StatusForbidden, err.Error())
	case errors.Is(err, domain.ErrConflict):
		refuse(w, http.StatusConflict, err.Error())
	case errors.Is(err, domain.ErrBusy):
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, err.Error())
	default:
		if r.Context().Err() == nil {
			d.log.ErrorContext(r.Context(), "demo failed", "path", r.URL.Path, "error", err)
		}
		refuse(w, http.StatusInternalServerError, "something went wrong")
	}
}

// refuse sends a problem (RFC 9457).
func refuse(w http.ResponseWriter, status int, detail string) {
	send(w, status, "application/problem+json", map[string]any{
		"title": http.StatusText(status), "status": status, "detail": detail,
	})
}

func send(w http.ResponseWriter, status int, media string, body any) {
	text, err := json.Marshal(body)
	if err != nil { // only a mistake in this program
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // an error means that the client is gone
}

var errJSON = errors.New("the body is not the JSON that was expected")

// withBody makes an endpoint of a function that takes the JSON of the body.
func withBody[T any](e func(call, T) (any, error)) endpoint {
	return func(c call) (any, error) {
		var in T
		err := json.NewDecoder(c.Body).Decode(&in)
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, err
		}
		if err != nil {
			return nil, errJSON
		}
		return e(c, in)
	}
}

// pathID is the number in a path; 0 if the path has no place for one. Anything
// else in that place names nothing.
func pathID(r *http.Request) (int64, error) {
	text := r.PathValue("id")
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, domain.ErrNotFound
	}
	return id, nil
}

func noSuchThing(call) (any, error) { return nil, domain.ErrNotFound }

// postToken signs somebody in, whoever they say they are.
func (d *Demo) postToken(_ call, in struct {
	User string `json:"user"`
}) (any, error) {
	person, err := domain.Named(in.User)
	if err != nil {
		return nil, err
	}
	token, err := d.sign(person.ID)
	return map[string]any{"token": token, "person": person}, err
}

func (d *Demo) getPeople(call) (any, error) {
	return map[string]any{"people": domain.People()}, nil
}

// vitals is what the page shows of the machinery: streams on one side, database
// connections on the other, and that they have nothing to do with each other.
type vitals struct {
	Streams *int `json:"streams"` // nil where it can't be told
	Pool    pool `json:"pool"`
}

// pool is the state of the demo's database connections.
type pool struct {
	Max   int   `json:"max"`
	Open  int   `json:"open"`
	InUse int   `json:"in_use"`
	Waits int64 `json:"waits"` // requests that found none free, ever
}

func (d *Demo) getVitals(c call) (any, error) {
	var v vitals
	if d.streams != nil {
		if n, ok := d.streams(c.Context()); ok {
			v.Streams = &n
		}
	}
	s := d.db.Stats()
	v.Pool = pool{Max: s.MaxOpenConnections, Open: s.OpenConnections, InUse: s.InUse, Waits: s.WaitCount}
	return v, nil
}
