package logging

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape writes what is not printable as in a Go string: no line is forged, and no terminal obeys it.
func escape(s string) string {
	if !strings.ContainsFunc(s, unprintable) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case !unprintable(r):
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)): // a byte that is no character
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i]), 16))
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// quote returns a value so that it is one word.
func quote(s string) string {
	if s == "" || strings.ContainsAny(s, ` "=`) || strings.ContainsFunc(s, unprintable) {
		return strconv.Quote(s)
	}
	return s
}
