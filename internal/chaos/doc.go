// Package chaos has only tests: fleets of real processes on a real Redis, primary
// and replica, in which one part after the other breaks while publishers publish
// and clients listen. Afterwards every acknowledged event must have reached every
// client once, in order, or its loss must have been announced with a cause. Beside
// them goes a raffle that is kept in Redis: its watchers must end at the newest
// value, and must be told once of each Redis that died.
//
// The short form runs with all other tests. The long form is `make chaos`.
package chaos
