//go:build amd64

package process

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/testnet"
)

const day, years = 24 * time.Hour, 10 * 365 * 24 * time.Hour

// repaired bounds how long after its repair a wrong clock may be felt (FT-25, FT-26).
const repaired = 60 * time.Second

// signed is a name of a zone whose signatures are valid from an hour ago for 30 days.
const signed = "www.example.se."

// wrongly starts a system with one worker whose clock is wrong by an offset. It can be changed.
func wrongly(t *testing.T, offset time.Duration, env ...string) (s *system, world *testnet.World, jump func(offset time.Duration)) {
	t.Helper()
	program := filepath.Join(binaries, "clock")
	world, o := internet(t)
	s = prepare(t, o)
	s.configure(1, port, o.extra)
	file, err := os.Create(s.path("clock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	jump = func(offset time.Duration) {
		t.Helper()
		if _, err := file.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(offset)), 0); err != nil {
			t.Fatal(err)
		}
	}
	jump(offset)
	s.under, s.env = []string{program}, append(env, "CLOCK_FILE="+file.Name())
	probe := exec.Command(program, "true")
	if probe.Env = append(os.Environ(), s.env...); probe.Run() != nil {
		t.Skip("processes cannot be traced here")
	}
	s.launch("")
	s.waitLog("everything started")
	return s, world, jump
}

// trusted says whether the signed name has a validated answer, which must not have a higher TTL than its zone gives.
func (s *system) trusted(m *miekg.Msg) bool {
	s.t.Helper()
	const ttl = 300
	if len(m.Answer) > 0 && m.Answer[0].Header().Ttl > ttl {
		s.t.Errorf("TTL %d is above %d", m.Answer[0].Header().Ttl, ttl)
	}
	return m.Rcode == miekg.RcodeSuccess && m.AuthenticatedData && len(m.Answer) > 0
}

// learns has the signed name resolved and cached, and says how often its servers were asked for that.
func (s *system) learns(world *testnet.World) (queries int) {
	s.t.Helper()
	if m := s.resolve(signed); !s.trusted(m) {
		s.t.Fatalf("with the right time: %v", m)
	}
	return asked(world, signed)
}

// recovers waits until the signed name is validated again, and says how long that took.
func (s *system) recovers(since string) {
	s.t.Helper()
	begin := time.Now()
	for !s.trusted(s.resolve(signed)) {
		if time.Since(begin) > repaired {
			s.t.Fatalf("%s: not validated after %v", since, repaired)
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Logf("%s: validated after %v", since, time.Since(begin).Round(time.Millisecond))
}

// untimely checks that a name fails because of the times of its signatures.
func (s *system) untimely(want dns.EDECode) {
	s.t.Helper()
	m := s.resolve(signed)
	if m.Rcode != miekg.RcodeServerFailure || !slices.Contains(testnet.ExtendedErrors(m), uint16(want)) {
		s.t.Errorf("with wrong time, EDE %d is missing: %v", want, m)
	}
}

// FT-24: when the clock is set back nothing lives longer than its TTL and 5 s, by the time that really passes, and everything that
// is to happen at a time still does.
func TestFT24ClockSetBack(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{time.Second, time.Hour, day, years} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s, world, jump := wrongly(t, 0)
			before := s.workers()
			queries := s.learns(world)
			jump(-by)
			begin := time.Now()
			if by < limits.ClockJump {
				if m := s.resolve(signed); !s.trusted(m) || asked(world, signed) != queries {
					t.Errorf("a step of %v: %d queries, %v", by, asked(world, signed)-queries, m)
				}
				return
			}
			for s.trusted(s.resolve(signed)) && asked(world, signed) == queries {
				if time.Since(begin) > patience {
					t.Fatal("the answer of before lives on")
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Logf("noticed after %v", time.Since(begin).Round(time.Millisecond))
			if by > time.Hour {
				s.untimely(dns.EDESignatureNotYetValid)
			}
			if now := s.workers(); !slices.Equal(now, before) {
				t.Errorf("workers %v became %v", before, now)
			}
			s.killOne("kresd") // timers of the supervisor fire
			jump(0)
			s.recovers("set right")
		})
	}
}

// FT-25: when the clock is far ahead signatures are too old. Nothing of that outlasts its repair by more than a minute.
func TestFT25ClockSetForward(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{time.Hour, day, years} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			s, world, jump := wrongly(t, 0)
			before := s.workers()
			queries := s.learns(world)
			jump(by)
			if m := s.resolve(signed); asked(world, signed) == queries {
				t.Errorf("the answer of before is not too old: %v", m)
			}
			if by > 30*day {
				s.untimely(dns.EDESignatureExpired)
			}
			jump(0)
			s.recovers("set right")
			if now := s.workers(); !slices.Equal(now, before) {
				t.Errorf("workers %v became %v", before, now)
			}
		})
	}
}

// FT-26: a machine without a clock of its own starts in 1970.
func TestFT26StartIn1970(t *testing.T) {
	t.Parallel()
	s, _, jump := wrongly(t, -time.Duration(time.Now().UnixNano()))
	s.untimely(dns.EDESignatureNotYetValid)
	s.eventually("a warning about the clock", func() bool { return strings.Contains(s.logged(), "is the clock right?") })
	jump(0)
	s.recovers("the time is known")
	s.must("reload")
}

// FT-27: the whole system stands still while ten minutes pass outside.
func TestFT27Suspended(t *testing.T) {
	t.Parallel()
	s, world, jump := wrongly(t, 0)
	s.learns(world)
	before := s.workers()
	var all []int
	for _, p := range s.tree() {
		if p.pid != s.cmd.Process.Pid {
			all = append(all, p.pid)
		}
	}
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		for _, pid := range all {
			if err := syscall.Kill(pid, signal); err != nil {
				t.Fatal(err)
			}
		}
		if signal == syscall.SIGSTOP {
			time.Sleep(2 * time.Second)
			jump(10 * time.Minute)
		}
	}
	begin := time.Now()
	if m := s.resolve("alias.example.se."); m.Rcode != miekg.RcodeSuccess {
		t.Errorf("afterwards: %v", m)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the first answer came after %v", took)
	}
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v became %v", before, now)
	}
}

// FT-28: a leap second is no step of the clock, and the log knows one time zone.
func TestFT28LeapSecondAndTimeZone(t *testing.T) {
	t.Parallel()
	s, world, jump := wrongly(t, 0, "TZ=America/St_Johns")
	queries := s.learns(world)
	for _, leap := range []time.Duration{-time.Second, time.Second, 0} {
		jump(leap)
		time.Sleep(2 * limits.ClockCheck)
		if m := s.resolve(signed); !s.trusted(m) || asked(world, signed) != queries {
			t.Errorf("leap of %v: %d queries, %v", leap, asked(world, signed)-queries, m)
		}
	}
	stamp := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z `)
	for line := range strings.SplitSeq(s.logged(), "\n") {
		if !stamp.MatchString(line) {
			t.Errorf("no time in UTC: %s", line)
		} else if at, err := time.Parse(time.RFC3339, line[:24]); err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("another time: %s, %v", line, err)
		}
	}
	if text := s.logged(); strings.Contains(text, "set back") {
		t.Errorf("a leap second is a step:\n%s", text)
	}
}
