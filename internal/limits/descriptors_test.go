package limits

import "testing"

func TestDivide(t *testing.T) {
	for _, n := range []int{0, 64, 128, 256, 1024, 4096, 16384, 19000, 20000, 131072} {
		s := Divide(n)
		used := OtherDescriptors + s.Streams + s.Resolving*ResolutionDescriptors + s.UpstreamStreams
		if used > max(n, 2*OtherDescriptors) {
			t.Errorf("%d descriptors: %d are given away: %+v", n, used, s)
		}
		if s.Streams <= 0 || s.Resolving <= 0 || s.UpstreamStreams <= 0 || s.Streams > Streams || s.Resolving > Resolving || s.UpstreamStreams > UpstreamStreams {
			t.Errorf("%d descriptors: %+v", n, s)
		}
	}
	if s := Divide(20000); s != (Share{Streams, Resolving, UpstreamStreams}) {
		t.Errorf("20,000 descriptors are enough for everything: %+v", s)
	}
	if s := Divide(256); s.Resolving < 32 || s.Streams < 64 { // FT-42
		t.Errorf("256 descriptors: %+v", s)
	}
}
