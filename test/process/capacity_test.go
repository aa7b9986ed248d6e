package process

import (
	"os"
	"sync"
	"testing"
	"time"
)

// The long form of the tests that lose nothing (KR_ROUNDS) loads the system with a part of what it can do: as much as an
// operator should plan for. What that is is measured on this machine, which also asks the questions and plays the internet.
const (
	loadPercent = 70

	rampStart = 2000 // questions per second
	rampMost  = 200_000
	rampTime  = 2 * time.Second // of a step; each is a quarter more than the one before
	rampRetry = 500 * time.Millisecond
	rampLate  = 100 * time.Millisecond // 99 % are answered within this time by a system that keeps up
	rampTries = 3                      // of a step: something else may use the machine for a moment
)

// long says whether the long form was asked for.
func long() bool { return os.Getenv(roundsVariable) != "" }

// machine is held by the one test that uses all of it.
var machine sync.Mutex

// alone keeps other tests of the long form from taking from this one what it measures.
func alone(t *testing.T) {
	if long() {
		machine.Lock()
		t.Cleanup(machine.Unlock)
	}
}

// calibrate makes generators load the system with loadPercent of what it can do, in the long form.
func (s *system) calibrate(names func(i int) string) {
	s.t.Helper()
	if !long() {
		return
	}
	most := s.capacity(names)
	s.rate = most * loadPercent / 100
	s.t.Logf("capacity %d questions per second, load %d", most, s.rate)
}

// capacity returns the highest rate in questions per second, over both protocols, that is answered in time.
func (s *system) capacity(names func(i int) string) (most int) {
	s.t.Helper()
	for rate, tries := rampStart, 0; rate <= rampMost && tries < rampTries; {
		if !s.keepsUp(rate, names) {
			tries++
			continue
		}
		most, tries = rate, 0
		rate += rate / 4
	}
	if most == 0 {
		s.t.Fatalf("cannot answer %d questions per second", rampStart)
	}
	return most
}

// keepsUp says whether a rate is answered: nothing asked twice, nearly all in time, and the generator could ask that much.
func (s *system) keepsUp(rate int, names func(i int) string) bool {
	g := s.generator(port, names)
	g.retry = rampRetry
	g.setRate(rate)
	g.run("udp")
	g.run("tcp")
	time.Sleep(rampTime)
	asked := 0
	for network, r := range g.stop() {
		asked += r.asked
		if r.lost > 0 || r.again > 0 || r.percentile(99) > rampLate {
			s.t.Logf("%d per second are too many: %s, %v", rate, network, r)
			return false
		}
	}
	if want := int(rampTime.Seconds() * float64(rate)); asked < want*9/10 {
		s.t.Logf("%d per second are too many: %d asked of %d", rate, asked, want)
		return false
	}
	return true
}
