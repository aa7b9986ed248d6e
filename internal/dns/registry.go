package dns

import "strconv"

// Type is an RR type or QTYPE.
type Type uint16

// RR types the resolver itself knows something about.
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypePTR        Type = 12
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeSIG        Type = 24
	TypeKEY        Type = 25
	TypeAAAA       Type = 28
	TypeNXT        Type = 30
	TypeSRV        Type = 33
	TypeNAPTR      Type = 35
	TypeDNAME      Type = 39
	TypeOPT        Type = 41
	TypeDS         Type = 43
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeTKEY       Type = 249
	TypeTSIG       Type = 250
	TypeIXFR       Type = 251
	TypeAXFR       Type = 252
	TypeMAILB      Type = 253
	TypeMAILA      Type = 254
	TypeANY        Type = 255
)

// IsMeta says whether t is a QTYPE or a pseudo type that no zone holds (RFC 6895 section 3.1).
func (t Type) IsMeta() bool { return t == 0 || t == TypeOPT || t >= 128 && t <= 255 }

// Class is a DNS class.
type Class uint16

// Classes.
const (
	ClassIN   Class = 1
	ClassCH   Class = 3
	ClassHS   Class = 4
	ClassNONE Class = 254
	ClassANY  Class = 255
)

// Opcode is the operation in a header.
type Opcode uint8

// OpcodeQuery is the only opcode a resolver serves.
const OpcodeQuery Opcode = 0

// RCode is a response code, with the upper bits from EDNS (RFC 6891 section 6.1.3).
type RCode uint16

// Response codes.
const (
	RCodeNoError  RCode = 0
	RCodeFormErr  RCode = 1
	RCodeServFail RCode = 2
	RCodeNXDomain RCode = 3
	RCodeNotImp   RCode = 4
	RCodeRefused  RCode = 5
	RCodeYXDomain RCode = 6
	RCodeBadVers  RCode = 16
)

var rcodeNames = [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}

func (r RCode) String() string {
	switch {
	case int(r) < len(rcodeNames):
		return rcodeNames[r]
	case r == RCodeBadVers:
		return "BADVERS"
	}
	return "RCODE" + strconv.Itoa(int(r))
}

func (c Class) String() string {
	switch c {
	case ClassIN:
		return "IN"
	case ClassCH:
		return "CH"
	case ClassHS:
		return "HS"
	case ClassNONE:
		return "NONE"
	case ClassANY:
		return "ANY"
	}
	return "CLASS" + strconv.Itoa(int(c))
}

func (o Opcode) String() string {
	switch o {
	case OpcodeQuery:
		return "QUERY"
	case 4:
		return "NOTIFY"
	case 5:
		return "UPDATE"
	}
	return "OPCODE" + strconv.Itoa(int(o))
}

var typeNames = map[Type]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB", 24: "SIG", 25: "KEY",
	28: "AAAA", 29: "LOC", 30: "NXT", 33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT", 39: "DNAME", 41: "OPT", 42: "APL", 43: "DS",
	44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA",
	53: "SMIMEA", 55: "HIP", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF",
	108: "EUI48", 109: "EUI64", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI", 257: "CAA",
}

// String returns the mnemonic, or TYPEnnn (RFC 3597 section 5).
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// ParseType reads a mnemonic in upper or lower case, or TYPEnnn.
func ParseType(text string) (Type, bool) {
	up := make([]byte, len(text))
	for i := range len(text) {
		up[i] = text[i]
		if 'a' <= up[i] && up[i] <= 'z' {
			up[i] -= 'a' - 'A'
		}
	}
	for t, s := range typeNames {
		if s == string(up) {
			return t, true
		}
	}
	if len(up) > 4 && string(up[:4]) == "TYPE" {
		n, err := strconv.ParseUint(string(up[4:]), 10, 16)
		return Type(n), err == nil
	}
	return 0, false
}

// EDECode is an Extended DNS Error INFO-CODE (RFC 8914 and its registry).
type EDECode uint16

// NoEDE stands for "no extended error"; it is never sent.
const NoEDE EDECode = 0xffff

// Extended error codes.
const (
	EDEOther                 EDECode = 0
	EDEUnsupportedKeyAlg     EDECode = 1
	EDEUnsupportedDSDigest   EDECode = 2
	EDEStaleAnswer           EDECode = 3
	EDEForged                EDECode = 4
	EDEIndeterminate         EDECode = 5
	EDEBogus                 EDECode = 6
	EDESignatureExpired      EDECode = 7
	EDESignatureNotYetValid  EDECode = 8
	EDEDNSKEYMissing         EDECode = 9
	EDERRSIGsMissing         EDECode = 10
	EDENoZoneKeyBit          EDECode = 11
	EDENSECMissing           EDECode = 12
	EDECachedError           EDECode = 13
	EDENotReady              EDECode = 14
	EDEBlocked               EDECode = 15
	EDECensored              EDECode = 16
	EDEFiltered              EDECode = 17
	EDEProhibited            EDECode = 18
	EDEStaleNXDomain         EDECode = 19
	EDENotAuthoritative      EDECode = 20
	EDENotSupported          EDECode = 21
	EDENoReachableAuthority  EDECode = 22
	EDENetworkError          EDECode = 23
	EDEInvalidData           EDECode = 24
	EDEExpiredBeforeValid    EDECode = 25
	EDETooEarly              EDECode = 26
	EDEUnsupportedIterations EDECode = 27
	EDESynthesized           EDECode = 29
)

var edeNames = [...]string{"Other Error", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer", "Forged Answer",
	"DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing", "RRSIGs Missing",
	"No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored", "Filtered", "Prohibited",
	"Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported", "No Reachable Authority", "Network Error", "Invalid Data",
	"Signature Expired before Valid", "Too Early", "Unsupported NSEC3 Iterations Value", "Unable to conform to policy", "Synthesized"}

func (e EDECode) String() string {
	if int(e) < len(edeNames) {
		return edeNames[e]
	}
	if e == NoEDE {
		return "none"
	}
	return "EDE" + strconv.Itoa(int(e))
}
