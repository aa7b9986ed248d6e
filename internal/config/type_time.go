package config

import (
	"fmt"
	"math"
	"time"
)

// duration is a length of time; its value is a time.Duration.
func duration() Type { return durationFrom(0) }

// durationFrom is a duration of at least low.
func durationFrom(low time.Duration) Type {
	name := "a time such as 30s (digits and us, ms, s, m, h or d)"
	if low > 0 {
		name = fmt.Sprintf("a time of at least %s", durationText(low))
	}
	units := map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second,
		"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	return scalar{name, text(func(s string) (any, error) {
		amount, unit, err := splitUnit(s)
		if err != nil {
			return nil, err
		}
		factor, ok := units[unit]
		if !ok {
			return nil, fmt.Errorf("unknown unit %q, valid are us, ms, s, m, h, d", unit)
		}
		if amount > math.MaxInt64/int64(factor) {
			return nil, errTooLarge
		}
		v := time.Duration(amount) * factor
		if v < low {
			return nil, errMismatch
		}
		return v, nil
	}), jsonObject{"type": "string", "pattern": "^[0-9]+(us|ms|s|m|h|d)$"}}
}

func durationText(d time.Duration) string {
	for _, u := range []struct {
		factor time.Duration
		unit   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if d > 0 && d%u.factor == 0 {
			return fmt.Sprintf("%d%s", d/u.factor, u.unit)
		}
	}
	return fmt.Sprintf("%dus", d/time.Microsecond)
}
