package iterate

import (
	"testing"

	"knot-resolver/internal/dns"
)

// TestWithoutDS: a DS set that servers fail to give is a network error; other failures, and those that are nobody's fault, stay.
func TestWithoutDS(t *testing.T) {
	unreachable, passing := failure(dns.EDENoReachableAuthority, "silence"), failure(dns.EDENoReachableAuthority, "too much to do")
	passing.Passing = true
	for _, c := range []struct {
		from *Failure
		want dns.EDECode
	}{
		{unreachable, dns.EDENetworkError}, {passing, dns.EDENoReachableAuthority}, {failure(dns.EDEBogus, "wrong"), dns.EDEBogus},
	} {
		if got := asFailure(withoutDS(c.from)); got.EDE != c.want || got.Reason != c.from.Reason {
			t.Errorf("%v became %v, want %v", c.from, got, c.want)
		}
	}
	if unreachable.EDE != dns.EDENoReachableAuthority {
		t.Error("the failure itself was changed")
	}
}
