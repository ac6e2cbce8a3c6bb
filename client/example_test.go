package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bellhop/bellhop/client"
)

// stand is a notifier of the examples: a service's own tests may put one up in
// the same way, and look at what it was sent.
func stand() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/v1/events/batch" {
			fmt.Fprint(w, `{"results":[{"status":201,"events":[{"channel":"user:42","seq":18}]}]}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"events":[{"channel":"user:42","seq":17}]}`)
	}))
}

func Example() {
	notifier := stand()
	defer notifier.Close()

	bell, err := client.New(client.Config{URL: notifier.URL, Key: "the-key-of-this-service"})
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := bell.Publish(context.Background(), client.Event{
		Channels: []string{"user:42"},
		Type:     "comment",
		Data:     map[string]any{"post": 7, "by": "mina"},
		// The row that it is about: whoever publishes it again, and whenever,
		// 42 hears of it once.
		IdempotencyKey: "comment-1001",
	})
	switch {
	case errors.Is(err, client.ErrInvalid):
		fmt.Println("a mistake in this program:", err)
	case err != nil:
		fmt.Println("not known to be written; publish it again later:", err)
	default:
		fmt.Println("on disk as number", receipt.Events[0].Seq)
	}
	// Output: on disk as number 17
}

func ExampleClient_NewQueue() {
	notifier := stand()
	defer notifier.Close()

	bell, err := client.New(client.Config{URL: notifier.URL, Key: "the-key-of-this-service"})
	if err != nil {
		fmt.Println(err)
		return
	}
	queue := bell.NewQueue(client.QueueConfig{
		Done: func(e client.Event, r client.Receipt, err error) {
			if err != nil {
				fmt.Println(e.Type, "was not published:", err)
				return
			}
			fmt.Println(e.Type, "is number", r.Events[0].Seq)
		},
	})
	if err := queue.TryAdd(client.Event{Channels: []string{"user:42"}, Type: "liked", Data: 7}); err != nil {
		fmt.Println(err) // client.ErrFull: the notifier has been away for long
	}
	// At the program's end, with the patience that it has left.
	if err := queue.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: liked is number 18
}
