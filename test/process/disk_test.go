package process

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	miekg "github.com/miekg/dns"
)

// disk mounts a file system of the given size in the test's directory.
func (s *system) disk(sub, size string) (dir string) {
	s.t.Helper()
	if os.Getuid() != 0 {
		s.t.Skip("only root can mount a small disk")
	}
	dir = s.path(sub)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=700"); err != nil {
		s.t.Skip("cannot mount: ", err)
	}
	s.t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill leaves no byte free on the disk that dir is on, and returns what makes room again.
func (s *system) fill(dir string) (free func()) {
	s.t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		s.t.Fatal(err)
	}
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			s.t.Fatal(err)
		}
	}
	f.Close()
	return func() { os.Remove(name) }
}

// FT-13: there is no room for the cache. The start fails, says where and how much, and leaves nothing half made.
func TestFT13NoRoomForTheCache(t *testing.T) {
	t.Parallel()
	s := prepare(t, options{})
	dir := s.disk("cache", "10m")
	s.launch("")
	if status := s.waitExit(); status == 0 {
		t.Error("exit status 0")
	}
	if log := s.logged(); !strings.Contains(log, "cache/data.mdb") || !strings.Contains(log, "more bytes are needed") {
		t.Errorf("the log does not say what is missing where")
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Size() > 1<<20 {
			t.Errorf("left: %s of %d bytes", f.Name(), info.Size())
		}
	}
}

// FT-14: the disk of the run directory and that of the cache fill up while the system runs. Queries are answered;
// a change that needs room is refused, and works when there is some.
func TestFT14DiskFillsWhileRunning(t *testing.T) {
	t.Parallel()
	world, o := internet(t)
	defer world.Close()
	s := prepare(t, o)
	run, cache := s.disk("run", "20m"), s.disk("cache", "130m")
	s.launch("")
	s.waitLog("everything started")
	freeRun, freeCache := s.fill(run), s.fill(cache)
	udp, tcp := s.load("udp", port), s.load("tcp", port)
	for _, name := range []string{"www.example.se.", "www.rsa.se.", "no.example.se."} {
		if m := s.resolve(name); m.Rcode == miekg.RcodeServerFailure {
			t.Errorf("%s: %v", name, m)
		}
	}
	s.ctl("config", "set", "-p", "/local-data", `{"addresses": {"a.example": "192.0.2.1"}}`) // refused or not
	s.kill(s.workers()[0])
	s.eventually("two workers again", func() bool { return len(s.workers()) == 2 })
	lossless(t, udp)
	lossless(t, tcp)
	freeRun()
	freeCache()
	s.must("config", "set", "-p", "/local-data", `{"addresses": {"a.example": "192.0.2.2"}}`)
	s.serves(port)
}

// FT-22: a second system with the same cache is refused, and the first does not notice.
func TestFT22TwoSystemsOneCache(t *testing.T) {
	t.Parallel()
	first := start(t, options{})
	second := prepare(t, options{})
	text, err := os.ReadFile(second.config)
	if err != nil {
		t.Fatal(err)
	}
	shared := strings.Replace(string(text), "storage: cache", "storage: "+first.path("cache"), 1)
	if err := os.WriteFile(second.config, []byte(shared), 0o600); err != nil {
		t.Fatal(err)
	}
	udp := first.load("udp", port)
	second.launch("")
	if status := second.waitExit(); status != 1 || !strings.Contains(second.logged(), "another running system uses it") {
		t.Errorf("status %d", status)
	}
	lossless(t, udp)

	// Nor can a running one move there.
	third := start(t, options{})
	_, errs, status := third.ctl("config", "set", "-p", "/cache/storage", `"`+first.path("cache")+`"`)
	if status != 1 || !strings.Contains(errs, "another running system uses it") {
		t.Errorf("status %d: %s", status, errs)
	}
	first.must("stop")
	first.waitExit()
	third.must("config", "set", "-p", "/cache/storage", `"`+first.path("cache")+`"`)
	third.serves(port)
	third.eventually("the cache is in use", func() bool {
		return inUse(t, append(third.workers(), third.only("cache-gc")), first.path("cache/data.mdb"))
	})
}

// inUse reports whether one of the processes has mapped the file.
func inUse(t *testing.T, pids []int, path string) bool {
	t.Helper()
	for _, pid := range pids {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "maps"))
		if err == nil && strings.Contains(string(text), path) {
			return true
		}
	}
	return false
}
