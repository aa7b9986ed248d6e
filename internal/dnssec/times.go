package dnssec

import "time"

// Signature times are 32-bit serial numbers (RFC 4034 section 3.1.5, RFC 1982): they wrap in 2106,
// so only distances of less than 68 years mean anything.

// serialAfter says whether a is later than b.
func serialAfter(a, b uint32) bool { return int32(a-b) > 0 }

// serialTime returns the moment nearest to now that a serial-number time stands for.
func serialTime(t uint32, now time.Time) time.Time {
	unix := now.Unix()
	return time.Unix(unix+int64(int32(t-uint32(unix))), 0).UTC()
}
