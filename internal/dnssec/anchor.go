package dnssec

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// ErrAnchor says that text holds no usable trust anchor.
var ErrAnchor = errors.New("dnssec: bad trust anchor")

// RootAnchor returns the anchor of the root zone as published by IANA: KSK-2017 (20326) and KSK-2024 (38696).
func RootAnchor() Anchor {
	return Anchor{Zone: dns.Root, DS: []dns.DS{
		rootDS(20326, "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"),
		rootDS(38696, "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"),
	}}
}

func rootDS(tag uint16, digest string) dns.DS {
	raw, err := hex.DecodeString(digest)
	if err != nil {
		panic("BUG: root anchor: " + err.Error())
	}
	return dns.DS{KeyTag: tag, Algorithm: algRSASHA256, DigestType: digestSHA256, Digest: raw}
}

// ParseAnchors reads DS and DNSKEY records in zone-file format and returns one Anchor per zone, in order of first
// appearance. Comments are skipped; directives, other types and keys that could never be trusted are errors wrapping ErrAnchor.
func ParseAnchors(text string) ([]Anchor, error) {
	if number, ok := directive(text); ok {
		return nil, fmt.Errorf("%w: line %d: directives are not allowed", ErrAnchor, number)
	}
	parser := miekg.NewZoneParser(strings.NewReader(text), ".", "")
	parser.SetDefaultTTL(0)
	var anchors []Anchor
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		zone, err := dns.ParseName(rr.Header().Name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrAnchor, err)
		}
		a := anchorOf(&anchors, zone.Lower())
		if err := a.add(rr); err != nil {
			return nil, fmt.Errorf("%w: %v: %w", ErrAnchor, rr, err)
		}
	}
	if err := parser.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnchor, err)
	}
	return anchors, nil
}

// directive finds a line with a zone-file directive such as $INCLUDE.
func directive(text string) (line int, ok bool) {
	for each := range strings.Lines(text) {
		line++
		if strings.HasPrefix(strings.TrimSpace(each), "$") {
			return line, true
		}
	}
	return 0, false
}

func anchorOf(anchors *[]Anchor, zone dns.Name) *Anchor {
	for i := range *anchors {
		if (*anchors)[i].Zone == zone {
			return &(*anchors)[i]
		}
	}
	*anchors = append(*anchors, Anchor{Zone: zone})
	return &(*anchors)[len(*anchors)-1]
}

// add takes one record. The digests and keys of known types must have the right length: a typing error
// would otherwise show up only when validation fails.
func (a *Anchor) add(rr miekg.RR) error {
	if rr.Header().Class != miekg.ClassINET {
		return errors.New("class must be IN")
	}
	rdata, err := packedRData(rr)
	if err != nil {
		return err
	}
	switch rr.Header().Rrtype {
	case miekg.TypeDS:
		ds, err := dns.ParseDS(rdata)
		if err != nil {
			return err
		}
		if size, known := digestSizes(ds.DigestType); known && len(ds.Digest) != size {
			return fmt.Errorf("digest has %d octets instead of %d", len(ds.Digest), size)
		}
		a.DS = append(a.DS, ds)
	case miekg.TypeDNSKEY:
		k, err := dns.ParseDNSKEY(rdata)
		if err != nil {
			return err
		}
		if flaw := keyFlaw(a.Zone, &key{k, dns.KeyTag(rdata), rdata}); flaw.State == Bogus {
			return errors.New(flaw.Reason)
		}
		a.Keys = append(a.Keys, k)
	default:
		return errors.New("only DS and DNSKEY can be trust anchors")
	}
	return nil
}

func digestSizes(t uint8) (size int, known bool) {
	switch t {
	case digestSHA1:
		return 20, true
	case digestSHA256:
		return 32, true
	case digestSHA384:
		return 48, true
	}
	return 0, false
}

// packedRData returns the RDATA of a parsed record.
func packedRData(rr miekg.RR) ([]byte, error) {
	buf := make([]byte, miekg.Len(rr)+1)
	end, err := miekg.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, err
	}
	owner, err := dns.WireName(buf)
	if err != nil {
		return nil, err
	}
	const fixed = 10 // type, class, TTL, length
	return buf[len(owner)+fixed : end], nil
}
