package worker

import (
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/server"
)

func TestChaos(t *testing.T) {
	w := idle()
	told := Chaos{Identity: "one", Version: "v2"}
	for _, q := range []struct {
		what  string
		name  string
		typ   uint16
		chaos Chaos
		rcode int
		text  string
	}{
		{"nothing is told", "id.server.", miekg.TypeTXT, Chaos{}, miekg.RcodeNotImplemented, ""},
		{"identity", "ID.server.", miekg.TypeTXT, told, miekg.RcodeSuccess, "one"},
		{"identity, old name", "hostname.bind.", miekg.TypeTXT, told, miekg.RcodeSuccess, "one"},
		{"version", "version.server.", miekg.TypeTXT, told, miekg.RcodeSuccess, "v2"},
		{"version, old name", "version.bind.", miekg.TypeANY, told, miekg.RcodeSuccess, "v2"},
		{"another type", "version.bind.", miekg.TypeA, told, miekg.RcodeSuccess, ""},
		{"only the version is told", "id.server.", miekg.TypeTXT, Chaos{Version: "v2"}, miekg.RcodeRefused, ""},
		{"another name", "authors.bind.", miekg.TypeTXT, told, miekg.RcodeRefused, ""},
	} {
		w.options.Chaos = q.chaos
		m := new(miekg.Msg)
		m.SetQuestion(q.name, q.typ)
		m.Question[0].Qclass = miekg.ClassCHAOS
		m.RecursionDesired = q.chaos == Chaos{} // who asks about the server need not ask for recursion
		got := ask(t, w, m, server.UDP)
		if got.Rcode != q.rcode || (len(got.Answer) == 1) != (q.text != "") {
			t.Errorf("%s: %v", q.what, got)
			continue
		}
		if q.text == "" {
			continue
		}
		if txt, ok := got.Answer[0].(*miekg.TXT); !ok || txt.Hdr.Class != miekg.ClassCHAOS || txt.Hdr.Name != q.name || txt.Txt[0] != q.text {
			t.Errorf("%s: %v", q.what, got.Answer[0])
		}
	}
}

// TestCookies asks with a cookie, with what comes back, and with half a cookie; nobody else's answer may hold it.
func TestCookies(t *testing.T) {
	w := idle()
	w.options.Cookies = admit.NewCookies([admit.CookieSecretLength]byte{1})
	w.options.Chaos = Chaos{Version: "v"}
	query := func(cookie string) *miekg.Msg {
		m := new(miekg.Msg)
		m.SetQuestion("version.bind.", miekg.TypeTXT)
		m.Question[0].Qclass = miekg.ClassCHAOS
		m.SetEdns0(1232, false)
		if cookie != "" {
			m.IsEdns0().Option = []miekg.EDNS0{&miekg.EDNS0_COOKIE{Code: miekg.EDNS0COOKIE, Cookie: cookie}}
		}
		return m
	}
	cookieOf := func(m *miekg.Msg) string {
		for _, o := range m.IsEdns0().Option {
			if c, ok := o.(*miekg.EDNS0_COOKIE); ok {
				return c.Cookie
			}
		}
		return ""
	}
	const client = "0102030405060708"
	full := cookieOf(ask(t, w, query(client), server.UDP))
	if len(full) != 48 || full[:16] != client {
		t.Fatalf("cookie %q", full)
	}
	if again := cookieOf(ask(t, w, query(full), server.UDP)); again != full {
		t.Errorf("a good cookie comes back as %q", again)
	}
	if got := ask(t, w, query("010203"), server.UDP); got.Rcode != miekg.RcodeFormatError || cookieOf(got) != "" {
		t.Errorf("half a cookie: %v", got)
	}
	if got := cookieOf(ask(t, w, query(""), server.UDP)); got != "" {
		t.Errorf("cookie %q that nobody asked for", got)
	}
	w.options.Cookies = nil
	if got := ask(t, w, query("010203"), server.UDP); got.Rcode != miekg.RcodeSuccess || cookieOf(got) != "" {
		t.Errorf("without cookies: %v", got)
	}
}
