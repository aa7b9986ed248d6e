package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// FT-20: a cache directory that cannot be used is refused, by a start and by a running system, with the option and the path.
func TestFT20CacheDirectory(t *testing.T) {
	t.Parallel()
	running := start(t, options{})
	for _, test := range []struct {
		name, want string
		make       func(path string) error
	}{
		{"missing", "does not exist", os.Remove},
		{"a file", "is not a directory", func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.WriteFile(path, nil, 0o600)
		}},
		{"a link to nothing", "does not exist", func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Symlink(path+".target", path)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := prepare(t, options{})
			if err := test.make(s.path("cache")); err != nil {
				t.Fatal(err)
			}
			s.launch("")
			if status := s.waitExit(); status == 0 {
				t.Error("exit status 0")
			}
			if log := s.logged(); !strings.Contains(log, "/cache/storage") || !strings.Contains(log, s.path("cache")+" "+test.want) {
				t.Error("the log does not say why")
			}
			s.noTrace()
			if left, _ := os.ReadDir(s.path("cache")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			_, errs, status := running.ctl("config", "set", "-p", "/cache/storage", `"`+s.path("cache")+`"`)
			if status != 1 || !strings.Contains(errs, "/cache/storage") || !strings.Contains(errs, s.path("cache")+" "+test.want) {
				t.Errorf("a running system: status %d: %s", status, errs)
			}
		})
	}
	running.serves(port)
}

// FT-20: the directory belongs to somebody else, or its mode keeps the service from writing.
func TestFT20CacheDirectoryOfOthers(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can start a service as another user")
	}
	const user = 4711
	for name, mode := range map[string]os.FileMode{"owner": 0o755, "mode": 0o500} {
		t.Run(name, func(t *testing.T) {
			s := prepare(t, options{})
			for _, path := range []string{"", "run", "config.yaml", "cache"} {
				if err := os.Chown(s.path(path), user, user); err != nil {
					t.Fatal(err)
				}
			}
			if name == "owner" {
				if err := os.Chown(s.path("cache"), user+1, user+1); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(s.path("cache"), mode); err != nil {
				t.Fatal(err)
			}
			s.program = s.path("knot-resolver") // where the user may execute it
			copyFile(t, filepath.Join(binaries, "knot-resolver"), s.program, 0o755)
			c := exec.Command(s.program, "-c", s.config)
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
			out, err := c.CombinedOutput()
			if err == nil {
				t.Error("exit status 0")
			}
			if want := s.path("cache") + " is not writable for this user"; !strings.Contains(string(out), "/cache/storage") || !strings.Contains(string(out), want) {
				t.Errorf("does not say why: %s", out)
			}
			s.noTrace()
			if left, _ := os.ReadDir(s.path("cache")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// FT-20: a link to a directory and a disk in memory are good places for a cache. A directory where everybody can replace files is
// used with a warning, and what somebody has put there is not.
func TestFT20CacheDirectoryUsed(t *testing.T) {
	t.Parallel()
	const warning = "everybody can replace files in it"
	for _, test := range []struct {
		name, want string
		make       func(t *testing.T, s *system)
	}{
		{"link", "", func(t *testing.T, s *system) {
			if err := os.Rename(s.path("cache"), s.path("elsewhere")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("elsewhere", s.path("cache")); err != nil {
				t.Fatal(err)
			}
		}},
		{"tmpfs", "", func(_ *testing.T, s *system) { s.disk("cache", "200m") }},
		{"mode 0777", warning, func(t *testing.T, s *system) {
			if err := os.Chmod(s.path("cache"), 0o777); err != nil {
				t.Fatal(err)
			}
		}},
		{"mode 1777", "", func(t *testing.T, s *system) {
			if err := os.Chmod(s.path("cache"), 0o777|os.ModeSticky); err != nil {
				t.Fatal(err)
			}
		}},
		{"planted files", "is a symbolic link", func(t *testing.T, s *system) {
			if err := os.WriteFile(s.path("target"), []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"data.mdb", "lock.mdb", "top"} {
				if err := os.Symlink(s.path("target"), s.path("cache/"+name)); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := prepare(t, options{})
			test.make(t, s)
			s.launch("")
			s.waitLog("everything started")
			s.serves(port)
			file, err := filepath.EvalSymlinks(s.path("cache"))
			if err != nil {
				t.Fatal(err)
			}
			if !inUse(t, s.workers(), filepath.Join(file, "data.mdb")) {
				t.Error("the cache is not there")
			}
			s.eventually("the log says why", func() bool { return strings.Contains(s.logged(), test.want) })
			if test.want != warning && strings.Contains(s.logged(), warning) {
				t.Error("warns of nothing")
			}
			if text, err := os.ReadFile(s.path("target")); err == nil && string(text) != "precious" {
				t.Errorf("the target: %.20q", text)
			}
		})
	}
}
