package event

// FrameParts is the frame of an event whose seq and time are not known yet, for
// a log that assigns both where no Go runs. The frame is
//
//	BeforeSeq seq BeforeTime time BeforeData data AfterData
//
// with the seq in decimal, and the time in UTC with three digits of the second,
// such as 2026-11-21T20:15:28.123Z.
type FrameParts struct {
	BeforeSeq, BeforeTime, BeforeData, AfterData string
}

// NewFrameParts makes the parts around an event of a type on a channel. What
// comes of them is what AppendFrame writes.
func NewFrameParts(ch Channel, typ string) FrameParts {
	return FrameParts{
		BeforeSeq:  frameType + typ + frameData + jsonChannel + string(ch) + jsonSeq,
		BeforeTime: jsonType + typ + jsonTime,
		BeforeData: jsonData,
		AfterData:  jsonEnd + frameEnd,
	}
}
