package hub

import "github.com/bellhop/bellhop/gateway/conn"

// Reasons of the hub for ending a stream.
const (
	ReasonDrain     conn.Reason = "drain"     // the gateway goes away
	ReasonRevoked   conn.Reason = "revoked"   // the token is no good any more
	ReasonExcess    conn.Reason = "excess"    // the person has too many streams
	ReasonBackwards conn.Reason = "backwards" // the log went back within an epoch
)

var _ conn.Explainer = (*Stream)(nil)

// Why implements conn.Explainer. What the connection asked for itself, the end at
// a maximum age or with a token's expiry, has its reason there.
func (s *Stream) Why() conn.Reason {
	switch s.leave {
	case departure:
		return ReasonDrain
	case expired:
		return ReasonRevoked
	case refusal:
		return ReasonExcess
	case silent:
		return ReasonBackwards
	case goesOn:
	}
	return conn.ReasonEnd
}
