package dns

import (
	"errors"
	"strings"
)

// Name is a domain name in uncompressed wire form including the root label, for
// example "\x03www\x07example\x00". Being a string it is immutable, comparable,
// usable as a map key, and its ancestors are substrings of it.
type Name string

// Root is the name of the DNS root.
const Root Name = "\x00"

// Bounds of names (RFC 1035 section 2.3.4).
const (
	MaxNameLength  = 255
	MaxLabelLength = 63
)

// ErrName says that bytes or text are no domain name.
var ErrName = errors.New("dns: malformed domain name")

// Labels returns the number of labels without the root label.
func (n Name) Labels() int {
	count := 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		count++
	}
	return count
}

// Parent returns the name without its first label; the root is its own parent.
func (n Name) Parent() Name {
	if len(n) <= 1 {
		return Root
	}
	return n[int(n[0])+1:]
}

// Suffix returns the ancestor of n (or n itself) that has the given number of labels.
func (n Name) Suffix(labels int) Name {
	for drop := n.Labels() - labels; drop > 0; drop-- {
		n = n.Parent()
	}
	return n
}

// FirstLabel returns the octets of the leftmost label, empty for the root.
func (n Name) FirstLabel() string {
	if len(n) <= 1 {
		return ""
	}
	return string(n[1 : int(n[0])+1])
}

// Child returns the name with one more label in front of n.
func (n Name) Child(label string) (Name, error) {
	if len(label) == 0 || len(label) > MaxLabelLength || len(label)+1+len(n) > MaxNameLength {
		return "", ErrName
	}
	var b [MaxNameLength]byte
	return Name(append(append(append(b[:0], byte(len(label))), label...), n...)), nil
}

// IsWildcard says whether the first label is a lone asterisk (RFC 4592).
func (n Name) IsWildcard() bool { return len(n) > 1 && n[0] == 1 && n[1] == '*' }

// Wildcard returns the wildcard directly below n.
func (n Name) Wildcard() (Name, error) { return n.Child("*") }

// Under says whether n is zone or below it. Both must be lower case.
func (n Name) Under(zone Name) bool {
	if len(n) < len(zone) || n[len(n)-len(zone):] != zone {
		return false
	}
	end := len(n) - len(zone)
	i := 0
	for i < end {
		i += int(n[i]) + 1
	}
	return i == end
}

// Below says whether n is strictly below zone. Both must be lower case.
func (n Name) Below(zone Name) bool { return len(n) > len(zone) && n.Under(zone) }

// Lower returns the name with ASCII letters in lower case; it is n itself when there is nothing to change.
func (n Name) Lower() Name {
	for i := 0; i < len(n); i++ {
		if 'A' <= n[i] && n[i] <= 'Z' {
			return n.lower()
		}
	}
	return n
}

// lower is the slow path of Lower. Length octets are at most 63 and so never look like letters.
func (n Name) lower() Name {
	b := []byte(n)
	LowerBytes(b)
	return Name(b)
}

// LowerBytes folds the letters of a wire-form name in place.
func LowerBytes(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

// offsets stores the start of every label of n, leftmost first, and returns how many there are.
func (n Name) offsets(at *[128]uint8) int {
	count := 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		at[count] = uint8(i)
		count++
	}
	return count
}

func (n Name) labelAt(off uint8) string { return string(n[off+1 : int(off)+1+int(n[off])]) }

// Compare orders names canonically (RFC 4034 section 6.1): by labels from the root. Both must be lower case.
func (n Name) Compare(m Name) int {
	var a, b [128]uint8
	i, j := n.offsets(&a), m.offsets(&b)
	for i > 0 && j > 0 {
		i, j = i-1, j-1
		if c := strings.Compare(n.labelAt(a[i]), m.labelAt(b[j])); c != 0 {
			return c
		}
	}
	return i - j
}

// CommonLabels returns how many labels, counted from the root, a and b share. Both must be lower case.
func CommonLabels(a, b Name) int {
	var x, y [128]uint8
	i, j := a.offsets(&x), b.offsets(&y)
	common := 0
	for i > 0 && j > 0 && a.labelAt(x[i-1]) == b.labelAt(y[j-1]) {
		i, j, common = i-1, j-1, common+1
	}
	return common
}

// AppendKey appends the labels of n from the root to the leaf so that byte order of
// keys is canonical order of names, and everything below a name is one key range.
// Every label is followed by a 0x00 octet; the octets 0x00 and 0x01 inside a label
// are written as 0x01 0x01 and 0x01 0x02. n must be lower case.
func (n Name) AppendKey(dst []byte) []byte {
	var at [128]uint8
	for i := n.offsets(&at) - 1; i >= 0; i-- {
		label := n.labelAt(at[i])
		for k := 0; k < len(label); k++ {
			if label[k] <= 1 {
				dst = append(dst, 1, label[k]+1)
				continue
			}
			dst = append(dst, label[k])
		}
		dst = append(dst, 0)
	}
	return dst
}
