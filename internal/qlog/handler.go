package qlog

import (
	"bytes"
	"context"
	"time"

	"knot-resolver/internal/server"
)

// Handler tells t of everything that passes through next.
func (t *Tap) Handler(next server.Handler) server.Handler { return &handler{t, next} }

type handler struct {
	tap  *Tap
	next server.Handler
}

// Inline implements [server.Handler].
func (h *handler) Inline(dst []byte, req *server.Request) (answer []byte, done bool) {
	start := time.Now()
	h.tap.query(req, start)
	answer, done = h.next.Inline(dst, req)
	if done && len(answer) > len(dst) {
		h.tap.response(req, answer[len(dst):], start)
	}
	return answer, done
}

// Resolve implements [server.Handler]. The query was told by Inline, before.
func (h *handler) Resolve(ctx context.Context, dst []byte, req *server.Request) []byte {
	start := time.Now()
	answer := h.next.Resolve(ctx, dst, req)
	if len(answer) > len(dst) {
		h.tap.response(req, answer[len(dst):], start)
	}
	return answer
}

func (t *Tap) query(req *server.Request, at time.Time) {
	e := &event{client: req.Client, local: req.Local, transport: req.Transport, asked: at}
	if t.options.Queries {
		e.query = bytes.Clone(req.Raw)
	}
	if t.options.TCPRTT && req.RTT != nil {
		e.rtt, e.hasRTT = req.RTT()
	}
	t.add(e)
}

func (t *Tap) response(req *server.Request, answer []byte, asked time.Time) {
	e := &event{client: req.Client, local: req.Local, transport: req.Transport, asked: asked, answered: time.Now()}
	if t.options.Responses {
		e.answer = bytes.Clone(answer)
	}
	t.add(e)
}
