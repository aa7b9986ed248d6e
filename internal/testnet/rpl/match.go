package rpl

import (
	"knot-resolver/internal/dns"
)

// fits says whether a request fits an entry. An entry without conditions fits all.
func (e *Entry) fits(m *message, d Dialect) bool {
	if !e.Match.Given {
		return true
	}
	c := comparison{entry: e, dialect: d, level: Strict, message: m, request: true}
	return len(c.run()) == 0
}

// questionOf returns the first question; without any ok is false.
func questionOf(list []dns.Question) (q dns.Question, ok bool) {
	if len(list) == 0 {
		return q, false
	}
	return list[0], true
}

// qtype compares question types.
func (c *comparison) qtype() bool {
	want, wanted := questionOf(c.entry.Message.Questions)
	got, has := questionOf(c.message.Questions)
	if c.dialect == Unbound {
		return want.Type == got.Type
	}
	return wanted == has && want.Type == got.Type
}

// qname compares question names. Random case of requests must not matter, so that Unbound's regard to case is not kept.
func (c *comparison) qname() bool {
	want, wanted := questionOf(c.entry.Message.Questions)
	got, has := questionOf(c.message.Questions)
	if !wanted || !has {
		return c.dialect == Deckard && wanted == has
	}
	return sameName(want.Name, got.Name)
}

func (c *comparison) qcase() bool {
	want, wanted := questionOf(c.entry.Message.Questions)
	got, has := questionOf(c.message.Questions)
	return wanted == has && want.Name == got.Name
}

// subdomain says whether the name asked is that of the entry or below.
func (c *comparison) subdomain() bool {
	want, wanted := questionOf(c.entry.Message.Questions)
	got, has := questionOf(c.message.Questions)
	if !wanted {
		return c.dialect == Deckard
	}
	if !has {
		return c.dialect == Deckard && want.Name == dns.Root
	}
	return got.Name.Lower().Under(want.Name.Lower())
}

// questionSection compares whole questions: in the Deckard dialect name and type, else all of them with their class.
func (c *comparison) questions() bool {
	if c.dialect == Deckard {
		return c.qtype() && c.qname()
	}
	want, got := c.entry.Message.Questions, c.message.Questions
	if len(want) == 0 && c.level == Portable && !c.request { // a refusal that is a header alone: ours says what is refused
		return true
	}
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if !sameName(want[i].Name, got[i].Name) || want[i].Type != got[i].Type || want[i].Class != got[i].Class {
			return false
		}
	}
	return true
}
