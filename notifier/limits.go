package notifier

// Limits of a request, besides those of Config and of package store.
const (
	// MaxBatch is the most events in one batch.
	MaxBatch = 500
	// MaxRequestAppends is the most appends to single channels that one
	// request may ask for.
	MaxRequestAppends = 5000
	// MaxRequestData bounds channels x data of one request, in bytes.
	MaxRequestData = 8 << 20
	// MaxIdempotencyKey is the longest idempotency key, in bytes.
	MaxIdempotencyKey = 255
	// MaxCollapseKey is the longest collapse key, in bytes.
	MaxCollapseKey = 128

	// maxBatchBody bounds the body of a batch: its data, as much again for
	// names, keys and white space.
	maxBatchBody = 2 * MaxRequestData
	// maxDisconnectBody bounds the body that names a person.
	maxDisconnectBody = 4 << 10
	// maxUnderWay bounds what requests under way hold: each its body until it is
	// answered, and about requestCost for its connection and goroutine.
	maxUnderWay = 256 << 20
	requestCost = 16 << 10
	// maxFieldErrors is how many broken rules one refusal lists.
	maxFieldErrors = 20
)

// maxEventBody bounds the body of a single event: the data with generous white
// space, and a thousand names.
func maxEventBody(maxData int) int64 { return int64(2*maxData) + 1<<20 }
