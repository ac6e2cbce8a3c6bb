package notifier

// Shown types are what operators are answered, for programs that print it.
type (
	// ShownFleet answers GET /v1/admin/fleet.
	ShownFleet = shownFleet
	// ShownUser answers GET /v1/admin/users/{subject}.
	ShownUser = shownUser
	// ShownChannel answers GET /v1/admin/channels/{channel}.
	ShownChannel = shownChannel
	// ShownStory answers GET /v1/admin/channels/{channel}/events/{seq}.
	ShownStory = shownStory
	// HeldStream is a stream in these answers.
	HeldStream = heldStream
)
