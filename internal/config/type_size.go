package config

import (
	"fmt"
	"math"
)

// size is an amount of memory; its value is int64, in bytes.
func size() Type { return sizeRange(0, anySize) }

// anySize is the upper bound of sizes that have none.
const anySize = math.MaxInt64

// sizeRange is a size from low to high bytes.
func sizeRange(low, high int64) Type {
	name := "a size such as 100M (digits and B, K, M or G)"
	switch {
	case high < anySize:
		name = fmt.Sprintf("a size from %s to %s", sizeText(low), sizeText(high))
	case low > 0:
		name = fmt.Sprintf("a size of at least %s", sizeText(low))
	}
	return scalar{name, text(func(s string) (any, error) {
		amount, unit, err := splitUnit(s)
		if err != nil {
			return nil, err
		}
		factor, ok := map[string]int64{"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[unit]
		if !ok {
			return nil, fmt.Errorf("unknown unit %q, valid are B, K, M, G", unit)
		}
		if amount > math.MaxInt64/factor {
			return nil, errTooLarge
		}
		v := amount * factor
		if v < low || v > high {
			return nil, errMismatch
		}
		return v, nil
	}), jsonObject{"type": "string", "pattern": "^[0-9]+[BKMG]$"}}
}

func sizeText(n int64) string {
	for _, u := range []struct {
		factor int64
		unit   string
	}{{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}} {
		if n > 0 && n%u.factor == 0 {
			return fmt.Sprintf("%d%s", n/u.factor, u.unit)
		}
	}
	return fmt.Sprintf("%dB", n)
}
