package app

import (
	"context"
	"errors"
	"fmt"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/server"
)

// askLocalhost takes a question for localhost, which every resolver answers by
// itself (RFC 6761 section 6.3), through the whole path of a client's query.
func askLocalhost(ctx context.Context, h server.Handler) error {
	const id = 0x5e1f
	e := dns.NewEncoder(nil, dns.HeaderLength+64)
	e.Header(id, dns.FlagRD)
	e.Question(dns.Question{Name: dns.MustName("localhost"), Type: dns.TypeA, Class: dns.ClassIN})
	req := &server.Request{Raw: e.Bytes(), Transport: server.UDP} // from nobody, whom no view refuses

	answer, done := h.Inline(nil, req)
	if !done {
		answer = h.Resolve(ctx, nil, req)
	}
	if len(answer) == 0 {
		return errors.New("test question: no answer")
	}
	var m dns.Message
	if err := m.Parse(answer); err != nil {
		return fmt.Errorf("test question: answer: %w", err)
	}
	if m.ID() != id || !m.Flags().Has(dns.FlagQR) || m.RCode() != dns.RCodeNoError {
		return fmt.Errorf("test question: answer %s with flags %#x", m.RCode(), uint16(m.Flags()))
	}
	return nil
}
