package rpl

import (
	"testing"
	"time"
)

func TestMacros(t *testing.T) {
	m := macros{vars: map[string]string{"t0": "86400"}, clock: func() time.Duration { return 36 * time.Hour }, timeout: func() time.Duration { return 90 * time.Second }}
	for text, want := range map[string]string{
		"nothing":                         "nothing",
		"${31*24*3600}":                   "2678400",
		"${1 + 2 * 3}":                    "9", // from left to right
		"${$t0 + 60} ${time}":             "86460 129600",
		"${ctime $t0 + 36996}":            "Fri Jan  2 10:16:36 1970",
		"${range 80 ${timeout} 100}":      "90",
		"${${1+1} * ${2+2}}":              "8",
		"no ${words that are no numbers}": "no words that are no numbers",
	} {
		if got, err := m.expand(text); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"${range 1 ${timeout} 2}", "${time"} {
		if got, err := m.expand(text); err == nil {
			t.Errorf("%s: %q, want an error", text, got)
		}
	}
	if err := m.assign("x = ${$t0/2}"); err != nil || m.vars["x"] != "43200" {
		t.Errorf("x = %q, %v", m.vars["x"], err)
	}
}
