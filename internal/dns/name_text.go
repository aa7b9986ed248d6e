package dns

import "fmt"

// ParseName reads presentation format (RFC 1035 section 5.1): labels divided by
// dots, \X and \DDD escapes, final dot optional. Case is kept.
func ParseName(text string) (Name, error) {
	if text == "." {
		return Root, nil
	}
	wire := make([]byte, 1, len(text)+2)
	start := 0 // of the label being read: index of its length octet
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.':
			length := len(wire) - start - 1
			if length == 0 {
				return "", fmt.Errorf("%w: empty label in %q", ErrName, text)
			}
			wire[start] = byte(length)
			start = len(wire)
			wire = append(wire, 0)
			continue
		case c == '\\':
			octet, used, ok := unescape(text[i+1:])
			if !ok {
				return "", fmt.Errorf("%w: bad escape in %q", ErrName, text)
			}
			c, i = octet, i+used
		}
		wire = append(wire, c)
		if len(wire)-start-1 > MaxLabelLength {
			return "", fmt.Errorf("%w: label longer than 63 octets in %q", ErrName, text)
		}
	}
	if length := len(wire) - start - 1; length > 0 {
		wire[start] = byte(length)
		wire = append(wire, 0)
	}
	if len(wire) == 1 || len(wire) > MaxNameLength {
		return "", fmt.Errorf("%w: %q", ErrName, text)
	}
	return Name(wire), nil
}

func unescape(s string) (octet byte, used int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1, true
	}
	if len(s) < 3 || s[1] < '0' || s[1] > '9' || s[2] < '0' || s[2] > '9' {
		return 0, 0, false
	}
	v := int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	return byte(v), 3, v < 256
}

// MustName is ParseName, in lower case, for names written in the program itself. It panics on a malformed one.
func MustName(text string) Name {
	n, err := ParseName(text)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return n.Lower()
}

// String returns the presentation format with a final dot; unprintable octets are escaped.
func (n Name) String() string {
	var b [MaxNameLength]byte // escapes are rare
	return string(n.AppendText(b[:0]))
}

// AppendText appends the presentation format of n.
func (n Name) AppendText(dst []byte) []byte {
	if len(n) <= 1 {
		return append(dst, '.')
	}
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		for _, c := range []byte(n[i+1 : i+1+int(n[i])]) {
			dst = appendEscaped(dst, c)
		}
		dst = append(dst, '.')
	}
	return dst
}

func appendEscaped(dst []byte, c byte) []byte {
	switch {
	case c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '$':
		return append(dst, '\\', c)
	case c <= ' ' || c >= 0x7f:
		return append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
	}
	return append(dst, c)
}
