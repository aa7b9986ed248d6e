package worker

import (
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
)

// Chaos is what clients may learn about the server itself by asking in class CHAOS (RFC 4892). Empty texts are not told; when both
// are empty the class is not known here.
type Chaos struct {
	Identity string // for id.server and hostname.bind, at most 255 octets
	Version  string // for version.server and version.bind, at most 255 octets
}

// chaos answers a question in class CHAOS.
func (w *Worker) chaos(dst []byte, req *server.Request, m *dns.Message, start time.Time) (answer []byte, ok bool) {
	c := &w.options.Chaos
	if m.Question.Class != dns.ClassCH || *c == (Chaos{}) || m.HasEDNS && m.EDNS.Version > 0 {
		return nil, false
	}
	w.counters.request(req)
	r := reply{w: w, req: req, query: m, out: &iterate.Outcome{EDE: dns.NoEDE}}
	text := c.text(m.Question.Name)
	switch t := m.Question.Type; {
	case text == "":
		r.out.RCode = dns.RCodeRefused
	case t == dns.TypeTXT || t == dns.TypeANY:
		r.about = append([]byte{byte(len(text))}, text...)
	}
	answer = r.append(dst)
	w.counters.answer(answer[len(dst):], m.HasEDNS, m.EDNS.DO, time.Since(start))
	return answer, true
}

func (c *Chaos) text(name dns.Name) string {
	switch name.Lower().String() {
	case "id.server.", "hostname.bind.":
		return c.Identity
	case "version.server.", "version.bind.":
		return c.Version
	}
	return ""
}
