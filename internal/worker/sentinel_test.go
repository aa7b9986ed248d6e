package worker

import "testing"

func TestSentinelLabel(t *testing.T) {
	for label, want := range map[string]struct {
		tag         uint16
		trusted, ok bool
	}{
		"root-key-sentinel-is-ta-20326":  {20326, true, true},
		"root-key-sentinel-not-ta-38696": {38696, false, true},
		"Root-Key-Sentinel-IS-TA-00042":  {42, true, true},
		"root-key-sentinel-is-ta-65535":  {65535, true, true},
		"root-key-sentinel-is-ta-65536":  {},
		"root-key-sentinel-is-ta-2032":   {},
		"root-key-sentinel-is-ta-020326": {},
		"root-key-sentinel-is-ta-+0326":  {},
		"root-key-sentinel-is-ta-":       {},
		"root-key-sentinel-is-20326":     {},
		"root-key-sentinel-ta-20326":     {},
		"is-ta-20326":                    {},
		"":                               {},
	} {
		tag, trusted, ok := sentinelLabel(label)
		if ok != want.ok || ok && (tag != want.tag || trusted != want.trusted) {
			t.Errorf("%q: %d %v %v", label, tag, trusted, ok)
		}
	}
}
