package trust

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"knot-resolver/internal/dns"
)

// Text returns the file of a zone: one line per key, a record with its state behind it as a comment. Keys that are not
// trusted are commented out, for readers that know no states.
func (z Zone) Text() string {
	var b strings.Builder
	for i := range z.Keys {
		k := &z.Keys[i]
		if !k.State.Trusted() {
			b.WriteString("; ")
		}
		timer := ""
		if k.State.timed() {
			timer = fmt.Sprint(k.Until.Unix())
		}
		fmt.Fprintf(&b, "%v\tIN\t%v\t%s ; %v:%s%s%d\n", z.Name, k.Type, k.rdataText(), k.State, timer, tagMark, k.Tag())
	}
	return b.String()
}

func (k *Key) rdataText() string {
	if k.Type == dns.TypeDS {
		ds, _ := dns.ParseDS(k.RData) // checked when it was read
		return fmt.Sprintf("%d %d %d %s", ds.KeyTag, ds.Algorithm, ds.DigestType, strings.ToUpper(hex.EncodeToString(ds.Digest)))
	}
	key, _ := dns.ParseDNSKEY(k.RData)
	return fmt.Sprintf("%d %d %d %s", key.Flags, key.Protocol, key.Algorithm, base64.StdEncoding.EncodeToString(key.PublicKey))
}
