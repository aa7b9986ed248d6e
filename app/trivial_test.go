package app

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"

	"knot-resolver/internal/control"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/server"
)

// trivialEngine knows localhost and fails everything else.
type trivialEngine struct{}

func trivial(EngineOptions) (Engine, error) { return trivialEngine{}, nil }

func (trivialEngine) Inline(dst []byte, req *server.Request) ([]byte, bool) {
	var m dns.Message
	if len(req.Raw) < dns.HeaderLength || m.Parse(req.Raw) != nil {
		return nil, true
	}
	rcode := dns.RCodeServFail
	if m.Question.Name.Lower() == dns.MustName("localhost") {
		rcode = dns.RCodeNoError
	}
	e := dns.NewEncoder(dst, dns.HeaderLength+300)
	e.Header(binary.BigEndian.Uint16(req.Raw), (dns.FlagQR | dns.FlagRA | m.Flags()&dns.FlagRD).WithRCode(rcode))
	e.Question(m.Question)
	return e.Bytes(), true
}

func (trivialEngine) Resolve(context.Context, []byte, *server.Request) []byte { return nil }

func (trivialEngine) Priority(*server.Request) uint8            { return 0 }
func (trivialEngine) Shed(dst []byte, _ *server.Request) []byte { return dst }

func (trivialEngine) Metrics() map[string]any { return map[string]any{} }

func (trivialEngine) TestPolicy(control.PolicyQuery) (json.RawMessage, error) { return nil, nil }
func (trivialEngine) Explain(context.Context, string, string) (json.RawMessage, error) {
	return nil, errors.New("nothing to explain")
}

func (trivialEngine) ClearCache(context.Context, control.CacheClear) (control.CacheCleared, error) {
	return control.CacheCleared{}, nil
}

func (trivialEngine) Forget() {}

func (trivialEngine) Update(control.Version) error { return nil }
func (trivialEngine) Close() error                 { return nil }
