package dnssec

import (
	"errors"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
)

const rootDSText = `; root anchors
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D ; KSK-2017
.	172800	IN	DS	38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C48 3AF444A4C0FB2B16
`

const rootKeyText = `. 172800 IN DNSKEY 257 3 8 (
	AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3
	+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kv
	ArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF
	0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+e
	oZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfd
	RUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwN
	R1AkUTV74bU= ) ; KSK-2017
`

func TestParseAnchors(t *testing.T) {
	anchors, err := ParseAnchors(rootDSText + rootKeyText + "Example.TEST. DS 1 13 4 " + strings.Repeat("0", 96) + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(anchors) != 2 || anchors[0].Zone != dns.Root || anchors[1].Zone != dns.MustName("example.test.") {
		t.Fatalf("got %+v", anchors)
	}
	root, want := anchors[0], RootAnchor()
	if len(root.DS) != 2 || len(root.Keys) != 1 || len(anchors[1].DS) != 1 {
		t.Fatalf("got %+v", anchors)
	}
	for i := range want.DS {
		if root.DS[i].KeyTag != want.DS[i].KeyTag || string(root.DS[i].Digest) != string(want.DS[i].Digest) {
			t.Errorf("DS %d: got %+v, want %+v", i, root.DS[i], want.DS[i])
		}
	}
	// The DS of the built-in anchor belongs to the published key.
	k := key{DNSKEY: root.Keys[0], rdata: append([]byte{1, 1, 3, 8}, root.Keys[0].PublicKey...)}
	if tag := dns.KeyTag(k.rdata); tag != 20326 {
		t.Errorf("tag %d", tag)
	}
	if empty, err := ParseAnchors("; nothing\n\n"); err != nil || len(empty) != 0 {
		t.Errorf("got %v %v for comments only", empty, err)
	}
}

func TestParseAnchorsRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"other type":       ". IN A 192.0.2.1",
		"other class":      ". CH DS 1 8 2 " + strings.Repeat("0", 64),
		"short digest":     ". IN DS 1 8 2 00",
		"long digest":      ". IN DS 1 8 1 " + strings.Repeat("0", 64),
		"not hexadecimal":  ". IN DS 1 8 2 xyz",
		"no zone key":      ". IN DNSKEY 1 3 8 AwEAAQ==",
		"revoked":          ". IN DNSKEY 385 3 8 AwEAAQ==",
		"protocol":         ". IN DNSKEY 257 2 8 AwEAAQ==",
		"include":          "$INCLUDE /etc/passwd",
		"generate":         "  $GENERATE 1-65535 $ DS 1 8 2 00",
		"garbage":          "hello",
		"unfinished group": ". IN DS ( 1 8 2 00",
	} {
		if a, err := ParseAnchors(text); !errors.Is(err, ErrAnchor) {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
}
