package iterate

import (
	"context"
	"time"

	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/upstream"
)

// race is the state of asking several configured servers: while one is silent another is asked as well, so that a dead one
// costs little, and one that is merely slow may still be the first to answer.
type race struct {
	done    chan *attempt
	running int
	last    upstream.Choice
	counts  bool // that the last one is silent: it had its time
}

// first returns the first response worth looking at.
func (s *session) first() (*response, error) {
	patience := time.NewTimer(0)
	defer patience.Stop()
	if s.race.running > 0 { // what an earlier call has begun
		patience.Reset(limits.HedgeLeast)
	}
	for {
		select {
		case a := <-s.race.done:
			s.race.running--
			s.race.counts = s.race.counts && a.choice.Server != s.race.last.Server
			s.servers[a.server].busy = false
			if r, err := s.take(a); r != nil || err != nil {
				return r, err
			}
		case <-patience.C:
			s.silent()
		case <-s.ctx.Done():
			return s.over()
		}
		if err := s.mayAsk(); err != nil {
			return nil, err
		}
		wait, started := s.another()
		if s.race.running == 0 {
			return s.over()
		}
		if started {
			patience.Reset(wait)
		}
	}
}

// silent takes in that the server asked last has not answered within its time: further questions go to others first, until it is
// heard again.
func (s *session) silent() {
	if s.race.running > 0 && s.race.counts {
		s.e.Stats.Timeout(s.race.last.Server, s.race.last.Timeout)
	}
}

// another asks one more server, if there is one, and says how long it may be silent before the next is asked.
func (s *session) another() (wait time.Duration, started bool) {
	open := s.open()
	if len(open) == 0 {
		return 0, false
	}
	s.e.Stats.Fill(open)
	choice := upstream.Choose(open, random64())
	if s.race.running > 0 {
		s.trace.Add(explain.Step{Kind: explain.KindAsk, Name: s.name.String(), Type: s.typ.String(), Zone: s.cut.zone.String(),
			Server: choice.Server.String(), Text: "asked as well, because no answer has come yet"})
	}
	s.start(s.attempt(choice, &open[choice.Index]))
	silent := open[choice.Index].Silent
	s.race.last, s.race.counts = choice, !silent && !choice.Capped
	return patience(choice, silent), true
}

// patience is how long a server may be silent before another is asked as well: no time at all if it was so the last time, little if it
// was chosen to learn about it.
func patience(choice upstream.Choice, silent bool) time.Duration {
	switch {
	case silent:
		return 0
	case choice.Capped:
		return choice.Timeout
	}
	return min(max(choice.Timeout, limits.HedgeLeast), limits.HedgeMost)
}

// start runs an attempt in the background. It is not given up with the session: whether a server that was too slow answers at all
// is worth knowing.
func (s *session) start(a *attempt) {
	if s.race.done == nil {
		s.race.done = make(chan *attempt, len(s.servers)*limits.SameQuestion)
	}
	done := s.race.done
	s.race.running++
	s.servers[a.server].busy = true
	s.e.Client.Go(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, limits.ResolutionTime)
		defer cancel()
		a.run(ctx)
		done <- a
	})
}
