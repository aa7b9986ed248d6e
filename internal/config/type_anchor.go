package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// trustAnchor is DS and DNSKEY records in presentation format; its value is the
// text as written.
func trustAnchor() Type {
	return scalar{"DS or DNSKEY records", text(func(s string) (any, error) {
		zp := dns.NewZoneParser(strings.NewReader(s), ".", "")
		zp.SetDefaultTTL(0) // anchors need none
		count := 0
		for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
			count++
			if err := checkAnchor(rr); err != nil {
				return nil, err
			}
		}
		if err := zp.Err(); err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "dns: "))
		}
		if count == 0 {
			return nil, errors.New("there is no record in it")
		}
		return s, nil
	}), jsonObject{"type": "string"}}
}

func checkAnchor(rr dns.RR) error {
	switch rr := rr.(type) {
	case *dns.DS:
		size := map[uint8]int{dns.SHA1: 20, dns.SHA256: 32, dns.SHA384: 48}[rr.DigestType]
		digest, err := hex.DecodeString(rr.Digest)
		if err != nil || len(digest) == 0 || size != 0 && len(digest) != size {
			return fmt.Errorf("the digest has %d bytes, not what its type asks for", len(digest))
		}
	case *dns.DNSKEY:
		if key, err := base64.StdEncoding.DecodeString(rr.PublicKey); err != nil || len(key) == 0 {
			return errors.New("the public key is not valid")
		}
	default:
		return fmt.Errorf("%s is no trust anchor", dns.TypeToString[rr.Header().Rrtype])
	}
	return nil
}
