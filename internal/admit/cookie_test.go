package admit

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"
)

func unhex(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func cookies(t *testing.T, secret string) *Cookies {
	var octets [CookieSecretLength]byte
	copy(octets[:], unhex(t, secret))
	return NewCookies(octets)
}

// TestCookieVectors are examples of RFC 9018 appendix A.
func TestCookieVectors(t *testing.T) {
	for _, v := range []struct {
		secret, client, asked, answered string
		at                              int64
	}{
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100", "2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985},
		{"445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
			"22681ab97d52c298010000005cf7c609a6bb79d16625507a", 1559741961},
	} {
		got := cookies(t, v.secret).Append(nil, unhex(t, v.asked), netip.MustParseAddr(v.client), time.Unix(v.at, 0))
		if want := "000a0018" + v.answered; hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, want %s", v.client, got, want)
		}
	}
}

func TestCookieJudge(t *testing.T) {
	c := cookies(t, "e5e973e5a6b2a43f48e7dc849e37bfcf")
	client, now := netip.MustParseAddr("192.0.2.1"), time.Unix(1_800_000_000, 0)
	good := c.Append(nil, unhex(t, "0102030405060708"), client, now)[4:]
	damaged := append([]byte(nil), good...)
	damaged[len(damaged)-1] ^= 1
	version := append([]byte(nil), good...)
	version[8] = 2
	for _, q := range []struct {
		what   string
		data   []byte
		client string
		at     time.Duration
		want   Cookie
	}{
		{"fresh", good, "192.0.2.1", 0, CookieGood},
		{"the same address, mapped", good, "::ffff:192.0.2.1", 0, CookieGood},
		{"an hour old", good, "192.0.2.1", time.Hour, CookieGood},
		{"more than an hour old", good, "192.0.2.1", time.Hour + time.Second, CookieClient},
		{"from a clock five minutes ahead", good, "192.0.2.1", -5 * time.Minute, CookieGood},
		{"from the future", good, "192.0.2.1", -5*time.Minute - time.Second, CookieClient},
		{"of another address", good, "192.0.2.2", 0, CookieClient},
		{"with a wrong hash", damaged, "192.0.2.1", 0, CookieClient},
		{"of another version", version, "192.0.2.1", 0, CookieClient},
		{"of the client alone", good[:8], "192.0.2.1", 0, CookieClient},
		{"of another maker, short", good[:16], "192.0.2.1", 0, CookieClient},
		{"of another maker, long", make([]byte, 40), "192.0.2.1", 0, CookieClient},
		{"empty", nil, "192.0.2.1", 0, CookieMalformed},
		{"cut in the client's part", good[:7], "192.0.2.1", 0, CookieMalformed},
		{"cut in the server's part", good[:15], "192.0.2.1", 0, CookieMalformed},
		{"too long", make([]byte, 41), "192.0.2.1", 0, CookieMalformed},
	} {
		if got := c.Judge(q.data, netip.MustParseAddr(q.client), now.Add(q.at)); got != q.want {
			t.Errorf("cookie %s: %d, want %d", q.what, got, q.want)
		}
	}
	if got := cookies(t, "00112233445566778899aabbccddeeff").Judge(good, client, now); got != CookieClient {
		t.Errorf("cookie of another secret: %d", got)
	}
	if again := c.Append(nil, good, client, now.Add(cookieRenew-time.Second))[4:]; string(again) != string(good) {
		t.Errorf("a young cookie is renewed: %x", again)
	}
	if again := c.Append(nil, good, client, now.Add(cookieRenew))[4:]; string(again) == string(good) || string(again[:8]) != string(good[:8]) {
		t.Errorf("an old cookie becomes %x", again)
	}
}

func FuzzCookie(f *testing.F) {
	f.Add([]byte("01234567"), []byte{192, 0, 2, 1})
	f.Add(make([]byte, 24), make([]byte, 16))
	c, now := NewCookies([CookieSecretLength]byte{1}), time.Unix(1_800_000_000, 0)
	f.Fuzz(func(t *testing.T, data, addr []byte) {
		client, _ := netip.AddrFromSlice(addr)
		if c.Judge(data, client, now) == CookieMalformed {
			return
		}
		if got := c.Append(nil, data, client, now); c.Judge(got[4:], client, now) != CookieGood {
			t.Errorf("the answer to %x of %v is no good cookie: %x", data, client, got)
		}
	})
}
