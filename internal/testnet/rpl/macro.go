package rpl

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// macros evaluates the expressions of the Unbound dialect.
type macros struct {
	vars    map[string]string
	clock   func() time.Duration // since the epoch of the script
	timeout func() time.Duration // until the next timer of the resolver
}

// assign executes `name = expression`.
func (m *macros) assign(text string) error {
	name, expression, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("ASSIGN %q is not understood", text)
	}
	value, err := m.expand(strings.TrimSpace(expression))
	m.vars[strings.TrimSpace(name)] = value
	return err
}

// expand replaces each ${...} in text by its value.
func (m *macros) expand(text string) (string, error) {
	start := strings.Index(text, "${")
	if start < 0 {
		return text, nil
	}
	depth := 0
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth > 0 {
			continue
		}
		value, err := m.value(text[start+2 : i])
		if err != nil {
			return "", err
		}
		rest, err := m.expand(text[i+1:])
		return text[:start] + value + rest, err
	}
	return "", fmt.Errorf("no end of the macro in %q", text)
}

// value evaluates what stands within the braces.
func (m *macros) value(text string) (string, error) {
	text, err := m.expand(text)
	if err != nil {
		return "", err
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	switch word {
	case "time":
		return number(m.clock().Seconds()), nil
	case "timeout":
		return number(m.timeout().Seconds()), nil
	case "ctime":
		seconds, err := strconv.ParseFloat(m.calculate(rest), 64)
		return time.Unix(int64(seconds), 0).UTC().Format(time.ANSIC), err
	case "range":
		return m.within(strings.Fields(rest))
	}
	return m.calculate(text), nil
}

// within checks `low x high` and returns x.
func (m *macros) within(words []string) (string, error) {
	if len(words) != 3 {
		return "", fmt.Errorf("range needs three values, not %v", words)
	}
	var v [3]float64
	for i, w := range words {
		var err error
		if v[i], err = strconv.ParseFloat(m.calculate(w), 64); err != nil {
			return "", err
		}
	}
	if v[1] < v[0] || v[1] > v[2] {
		return "", fmt.Errorf("%s is not between %s and %s", number(v[1]), words[0], words[2])
	}
	return number(v[1]), nil
}

// calculate works through `a + b * c` from left to right; text that is no sum is returned as it is.
func (m *macros) calculate(text string) string {
	total, op := 0.0, byte('+')
	for rest := text; ; {
		end := strings.IndexAny(rest, "+-*/")
		term := rest
		if end >= 0 {
			term = rest[:end]
		}
		term = strings.TrimSpace(term)
		if name, ok := strings.CutPrefix(term, "$"); ok {
			term = m.vars[name]
		}
		n, err := strconv.ParseFloat(term, 64)
		if err != nil {
			return text
		}
		switch op {
		case '+':
			total += n
		case '-':
			total -= n
		case '*':
			total *= n
		case '/':
			total /= n
		}
		if end < 0 {
			return number(total)
		}
		op, rest = rest[end], rest[end+1:]
	}
}

// number prints with up to 12 significant digits.
func number(n float64) string { return strconv.FormatFloat(n, 'g', 12, 64) }
