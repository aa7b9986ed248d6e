package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// unbounded is the upper bound of integers that have none by nature; it keeps
// them in the range of every machine's int.
const unbounded = math.MaxInt32

// integer is a whole number from low to high.
func integer(low, high int64) Type {
	name := fmt.Sprintf("an integer from %d to %d", low, high)
	object := jsonObject{"type": "integer", "minimum": low, "maximum": high}
	switch high {
	case low:
		name = strconv.FormatInt(low, 10)
	case unbounded:
		name = fmt.Sprintf("an integer of at least %d", low)
		delete(object, "maximum")
	}
	return scalar{name, func(n *node) (any, error) {
		if n.kind != kindInt {
			return nil, errMismatch
		}
		v, err := strconv.ParseInt(n.text, 10, 64)
		if err != nil || v < low || v > high {
			return nil, errMismatch
		}
		return v, nil
	}, object}
}

func nonNegative() Type { return integer(0, unbounded) }
func positive() Type    { return integer(1, unbounded) }
func percent() Type     { return integer(0, 100) }
func port() Type        { return integer(1, 65535) }

// number is an integer or a fraction from low to high.
func number(low, high float64) Type {
	return scalar{fmt.Sprintf("a number from %v to %v", low, high), func(n *node) (any, error) {
		if n.kind != kindInt && n.kind != kindFloat {
			return nil, errMismatch
		}
		v, err := strconv.ParseFloat(n.text, 64)
		if err != nil || v < low || v > high {
			return nil, errMismatch
		}
		return v, nil
	}, jsonObject{"type": "number", "minimum": low, "maximum": high}}
}

var (
	errTooLarge = errors.New("too large")
	errNoUnit   = errors.New("the unit is missing")
)

// splitUnit cuts decimal digits and the unit right behind them.
func splitUnit(s string) (amount int64, unit string, err error) {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	switch i {
	case 0:
		return 0, "", errMismatch
	case len(s):
		return 0, "", errNoUnit
	}
	if amount, err = strconv.ParseInt(s[:i], 10, 64); err != nil {
		return 0, "", errTooLarge
	}
	return amount, s[i:], nil
}
