package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/testnet/zone"
)

// Records of a zone with two keys.
var (
	keyA = zone.NewKey("example.", "a", miekg.ED25519, zone.FlagsKSK).Public
	keyB = zone.NewKey("example.", "b", miekg.ED25519, zone.FlagsKSK).Public
	keyZ = zone.NewKey("example.", "z", miekg.ED25519, zone.FlagsZSK).Public
	tagA = fmt.Sprint(keyA.KeyTag())
	tagB = fmt.Sprint(keyB.KeyTag())
)

func TestParse(t *testing.T) {
	a, b := keyA.String(), keyB.String()
	for name, c := range map[string]struct{ text, want string }{
		"plain keys":        {a + "\n" + keyZ.String() + " ; zsk\n" + b, tagA + ":Valid " + tagB + ":Valid"},
		"plain over lines":  {"; dig says\nexample. 1 IN DNSKEY 257 3 15 ( ; KSK\n  " + keyA.PublicKey + " )", tagA + ":Valid"},
		"plain digest":      {keyA.ToDS(miekg.SHA256).String(), tagA + ":Valid"},
		"states":            {a + " ; Valid: ; KeyTag:" + tagA + "\n; " + b + " ; AddPend:1793536000 ; KeyTag:" + tagB + "\n", tagA + ":Valid " + tagB + ":AddPend:1793536000"},
		"missing, revoked":  {a + " ; Missing:7 ; KeyTag:" + tagA + "\n; " + b + " ; Revoked:8 ; KeyTag:" + tagB + "\n", tagA + ":Missing:7 " + tagB + ":Revoked:8"},
		"record added":      {a + " ; Valid: ; KeyTag:" + tagA + "\n" + b + "\n; remark: Valid\n\n", tagA + ":Valid " + tagB + ":Valid"},
		"taken out by hand": {a + " ; Valid: ; KeyTag:" + tagA + "\n;" + b + " ; Valid: ; KeyTag:" + tagB + "\n", tagA + ":Valid"},
		"not commented out": {a + " ; Valid: ; KeyTag:" + tagA + "\n" + b + " ; AddPend:9 ; KeyTag:" + tagB + "\n", tagA + ":Valid " + tagB + ":AddPend:9"},
		"nothing left":      {"; " + a + " ; Revoked:8 ; KeyTag:" + tagA + "\n", tagA + ":Revoked:8"},
	} {
		z, err := Parse(c.text)
		if got := short(z); err != nil || got != c.want || z.Name != dns.MustName("example.") {
			t.Errorf("%s: got %v %s (%v), want %s", name, z.Name, got, err, c.want)
		}
		again, err := Parse(z.Text())
		if err != nil || !reflect.DeepEqual(again, z) {
			t.Errorf("%s: read again: %s (%v)\n%s", name, short(again), err, z.Text())
		}
	}
}

func short(z Zone) string {
	var words []string
	for i := range z.Keys {
		word := fmt.Sprintf("%d:%v", z.Keys[i].Tag(), z.Keys[i].State)
		if !z.Keys[i].Until.IsZero() {
			word += fmt.Sprintf(":%d", z.Keys[i].Until.Unix())
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// TestParseDamaged checks that no damage makes a key trusted that was not (DL-23).
func TestParseDamaged(t *testing.T) {
	good := keyA.String() + " ; Valid: ; KeyTag:" + tagA + "\n"
	b := keyB.String()
	for name, text := range map[string]string{
		"empty":               "",
		"no trusted key":      "; " + b + " ; AddPend:9 ; KeyTag:" + tagB + "\n",
		"only a ZSK":          keyZ.String() + "\n",
		"cut short":           good + "; " + b + " ; AddPend:9 ; KeyTag:" + tagB,
		"cut in the state":    good + b + " ; AddP",
		"cut before the tag":  good + b + " ; AddPend:9\n",
		"two states":          good + "; " + b + " ; AddPend:9 ; KeyTag:1 ; Valid: ; KeyTag:" + tagB + "\n",
		"two states, one tag": good + b + " ; AddPend:9 ; Valid: ; KeyTag:" + tagB + "\n",
		"key twice":           good + "; " + keyA.String() + " ; AddPend:9 ; KeyTag:" + tagA + "\n",
		"unknown state":       good + b + " ; Trusted: ; KeyTag:" + tagB + "\n",
		"no timer":            good + b + " ; AddPend: ; KeyTag:" + tagB + "\n",
		"negative timer":      good + b + " ; AddPend:-1 ; KeyTag:" + tagB + "\n",
		"timer too far":       good + b + " ; AddPend:99999999999 ; KeyTag:" + tagB + "\n",
		"timer of Valid":      good + b + " ; Valid:9 ; KeyTag:" + tagB + "\n",
		"wrong tag":           good + b + " ; Missing:9 ; KeyTag:1\n",
		"tag with more":       good + b + " ; Missing:9 ; KeyTag:" + tagB + "1\n",
		"other zone":          good + strings.Replace(b, "example.", "other.", 1) + "\n",
		"other comment":       good + b + " ; Hold\n",
		"no record":           good + " ; Valid: ; KeyTag:" + tagB + "\n; AddPend:9 ; KeyTag:1\n",
		"revoked flag":        good + strings.Replace(b, "257", "385", 1) + "\n",
		"directive":           "$INCLUDE /etc/passwd\n" + good,
		"overlong":            good + "; " + strings.Repeat("x", 70000) + "\n",
		"too many keys":       manyKeys(33),
	} {
		if z, err := Parse(text); !errors.Is(err, ErrFile) {
			t.Errorf("%s: read as %s (%v)", name, short(z), err)
		}
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, zone.NewKey("example.", fmt.Sprint(i), miekg.ED25519, zone.FlagsKSK).Public)
	}
	return b.String()
}

func FuzzParse(f *testing.F) {
	a, b := keyA.String(), keyB.String()
	for _, text := range []string{a, a + "\n", "; x\n" + a + " ; Valid: ; KeyTag:" + tagA + "\n; " + b + " ; AddPend:9 ; KeyTag:" + tagB + "\n",
		keyA.ToDS(miekg.SHA256).String() + " ; Missing:7 ; KeyTag:" + tagA + "\n", a + " ; Valid: ; KeyTag:" + tagA, "; " + b + " ; Revoked:9 ; KeyTag:" + tagB + "\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		z, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(z.Text())
		if err != nil || !reflect.DeepEqual(again, z) {
			t.Errorf("%q became %q (%v)", z.Text(), again.Text(), err)
		}
	})
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "root.keys")
	if err := os.WriteFile(name, []byte(keyA.String()), 0o640); err != nil {
		t.Fatal(err)
	}
	z, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	z.Keys[0].enter(Missing, start)
	if err := Write(name, z); err != nil {
		t.Fatal(err)
	}
	got, err := Read(name)
	if err != nil || short(got) != short(z) {
		t.Errorf("read %s (%v), want %s", short(got), err, short(z))
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := Write(filepath.Join(dir, "missing", "x"), z); err == nil {
		t.Error("written into a directory that is not there")
	}
}
