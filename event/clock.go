package event

import "time"

// parseTime reads a moment of timeLayout's length and shape. It is what
// time.Parse does in ten times the time: a gateway asks for each event.
func parseTime(b []byte) (at time.Time, ok bool) {
	var fields [7]int // year, month, day, hour, minute, second, millisecond
	field := 0
	for i, want := range []byte(timeLayout) {
		switch digit := b[i] - '0'; {
		case want >= '0' && want <= '9':
			if digit > 9 {
				return at, false
			}
			fields[field] = 10*fields[field] + int(digit)
		case b[i] != want:
			return at, false
		default:
			field++
		}
	}
	at = time.Date(fields[0], time.Month(fields[1]), fields[2], fields[3], fields[4], fields[5], fields[6]*int(time.Millisecond), time.UTC)
	// What is out of range, as a 31st of June, would have become another moment.
	return at, at.Month() == time.Month(fields[1]) && at.Day() == fields[2] && at.Hour() == fields[3] &&
		at.Minute() == fields[4] && at.Second() == fields[5]
}
