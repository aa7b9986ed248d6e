package dns

// The RDATA of most types is opaque here. A layout lists the leading fields of the
// types that hold names, so that compressed names can be expanded and the names be
// folded for DNSSEC: 'n' a name, 's' a character-string, a digit that many octets;
// whatever follows is copied.
//
// Only the types of RFC 1035 may be compressed by senders (RFC 3597 section 4), but a
// receiver must expand them in those of RFC 2163, 2782 and others too, and DNSSEC
// folds the list of RFC 4034 section 6.2 as amended by RFC 6840 section 5.1.
func layout(t Type) string {
	switch t {
	case TypeNS, TypeCNAME, TypePTR, TypeDNAME, 3, 4, 7, 8, 9:
		return "n"
	case TypeSOA, 14, 17: // MINFO, RP
		return "nn"
	case TypeMX, 18, 21, 36: // AFSDB, RT, KX
		return "2n"
	case 26: // PX
		return "2nn"
	case TypeSRV:
		return "6n"
	case TypeNAPTR:
		return "4sssn"
	case TypeSIG, TypeRRSIG:
		return "99n" // 18 octets, then the signer
	case TypeNSEC, TypeNXT:
		return "n"
	}
	return ""
}

// mayCompress says whether names in RDATA of this type may be written compressed (RFC 3597 section 4).
func mayCompress(t Type) bool {
	switch t {
	case TypeNS, TypeCNAME, TypePTR, TypeSOA, TypeMX, 3, 4, 7, 8, 9, 14:
		return true
	}
	return false
}

// foldsCase says whether DNSSEC folds names in RDATA of this type (RFC 4034 section 6.2, RFC 6840 section 5.1).
func foldsCase(t Type) bool { return layout(t) != "" && t != TypeNSEC }

// AppendCanonical appends RDATA with its names in lower case where DNSSEC asks for it. rdata must be uncompressed.
func AppendCanonical(dst []byte, t Type, rdata []byte) []byte {
	start := len(dst)
	dst = append(dst, rdata...)
	if !foldsCase(t) {
		return dst
	}
	rest := dst[start:]
	for _, field := range []byte(layout(t)) {
		n := fieldLength(field, rest)
		if n < 0 {
			return dst
		}
		if field == 'n' {
			LowerBytes(rest[:n])
		}
		rest = rest[n:]
	}
	return dst
}

// fieldLength returns the length of a layout field at the start of uncompressed RDATA, -1 when it is cut short.
func fieldLength(field byte, rest []byte) int {
	n := 0
	switch field {
	case 'n':
		n = wireNameLength(rest)
	case 's':
		if len(rest) == 0 {
			return -1
		}
		n = int(rest[0]) + 1
	default:
		n = int(field - '0')
	}
	if n > len(rest) {
		return -1
	}
	return n
}

// wireNameLength returns the length of the uncompressed name at the start of b, -1 when there is none.
func wireNameLength(b []byte) int {
	for i := 0; i < len(b) && i < MaxNameLength; {
		switch c := b[i]; {
		case c == 0:
			return i + 1
		case c > MaxLabelLength:
			return -1
		default:
			i += int(c) + 1
		}
	}
	return -1
}

// WireName reads the uncompressed name at the start of b.
func WireName(b []byte) (Name, error) {
	n := wireNameLength(b)
	if n < 0 {
		return "", ErrName
	}
	return Name(b[:n]), nil
}

// WireNameLength returns the length of the uncompressed name at the start of b, or a negative number if there is none.
func WireNameLength(b []byte) int { return wireNameLength(b) }
