package supervisor

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func sampleConf(dir string) *Conf {
	return &Conf{
		Dir: dir, LogLevel: "debug", SocketMode: 0o660, Listener: []string{"/bin/listen", "a b"},
		Programs: []Program{
			{
				Name: "manager", Command: []string{"/bin/x y", "a'b", `c"d\`, "e #f", " ;g", "%(h)s", "100%", "", "ü$HOME*"},
				Dir: "/with space", Priority: 1, AutoStart: true, AutoRestart: RestartAlways, ExitCodes: []int{0},
				StartSecs: 600, StartRetries: 3, StopSignal: syscall.SIGINT, StopWaitSecs: 10, KillAsGroup: true,
				Env: map[string]string{"A": "x, y=z", "B": `it's`, "C": `say "hi" now`, "D": "", "E": "50%"},
			},
			{
				Name: "kresd", NumProcs: 3, Command: []string{"/bin/kresd", "-c", "kresd" + ProcessNum + ".conf"},
				AutoRestart: RestartNever, ExitCodes: []int{0, 3}, StopSignal: syscall.SIGTERM,
				Env: map[string]string{"SYSTEMD_INSTANCE": ProcessNum},
			},
		},
	}
}

func TestConfRoundTrip(t *testing.T) {
	dir := t.TempDir()
	want := sampleConf(dir)
	if err := want.Write(); err != nil {
		t.Fatal(err)
	}
	got, err := Read(Path(dir))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestConfAsPythonSeesIt has supervisord's own parser read the file back.
func TestConfAsPythonSeesIt(t *testing.T) {
	const script = `
import sys, shlex
from supervisor.options import ServerOptions
o = ServerOptions()
o.realize(['-c', sys.argv[1], '-n'])
for g in o.process_group_configs:
    for p in g.process_configs:
        sys.stdout.write(repr((g.name, p.name, shlex.split(p.command), p.directory, sorted(p.environment.items()))) + '\n')
`
	python := supervisordPython(t)
	dir := t.TempDir()
	conf := sampleConf(dir)
	conf.Programs[0].Dir = dir
	if err := conf.Write(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-W", "ignore", "-c", script, Path(dir)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := []string{
		`('kresd', 'kresd0', ['/bin/kresd', '-c', 'kresd0.conf'], None, [('SYSTEMD_INSTANCE', '0')])`,
		`('kresd', 'kresd2', ['/bin/kresd', '-c', 'kresd2.conf'], None, [('SYSTEMD_INSTANCE', '2')])`,
		`('manager', 'manager', ['/bin/x y', "a'b", 'c"d\\', 'e #f', ' ;g', '%(h)s', '100%', '', 'ü$HOME*'], '` + dir + `', ` +
			`[('A', 'x, y=z'), ('B', "it's"), ('C', 'say "hi" now'), ('D', ''), ('E', '50%')])`,
	}
	for _, line := range want {
		if !bytes.Contains(out, []byte(line+"\n")) {
			t.Errorf("missing %s\nin %s", line, out)
		}
	}
}

// supervisordPython returns the interpreter named in supervisord's first line.
func supervisordPython(t *testing.T) string {
	path, err := exec.LookPath("supervisord")
	if err != nil {
		t.Skip("the real supervisord is not installed")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "#!"))
}

func TestProcesses(t *testing.T) {
	conf := sampleConf("/run/x")
	single, several := conf.Programs[0].Processes(), conf.Programs[1].Processes()
	if len(single) != 1 || single[0].Name != "manager" {
		t.Errorf("single: %+v", single)
	}
	if len(several) != 3 || several[2].Name != "kresd2" || several[2].Command[2] != "kresd2.conf" || several[2].Env["SYSTEMD_INSTANCE"] != "2" {
		t.Errorf("several: %+v", several)
	}
}

func TestRenderRefuses(t *testing.T) {
	tests := map[string]func(*Conf){
		"relative dir":     func(c *Conf) { c.Dir = "run" },
		"comment in dir":   func(c *Conf) { c.Dir = "/a #b" },
		"newline in arg":   func(c *Conf) { c.Programs[0].Command[1] = "a\nb" },
		"no command":       func(c *Conf) { c.Programs[0].Command = nil },
		"both quotes":      func(c *Conf) { c.Programs[0].Env["A"] = `a'b"c` },
		"comment in env":   func(c *Conf) { c.Programs[0].Env["A"] = "a ;b" },
		"bad env name":     func(c *Conf) { c.Programs[0].Env["A=B"] = "" },
		"bad program name": func(c *Conf) { c.Programs[0].Name = "a b" },
		"twice":            func(c *Conf) { c.Programs[0].Name = "kresd" },
		"too many":         func(c *Conf) { c.Programs[1].NumProcs = 1 << 20 },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			conf := sampleConf("/run/x")
			spoil(conf)
			if text, err := conf.Render(); err == nil {
				t.Errorf("accepted:\n%s", text)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "[unix_http_server]\nfile=/run/x/supervisord.sock\n"
	tests := map[string]struct{ text, want string }{
		"no socket":    {"", "unix_http_server"},
		"no section":   {"a=b", "line 1"},
		"no equals":    {head + "[program:x]\ncommand\n", "line 4"},
		"unknown key":  {head + "[program:x]\ncommand=/bin/x\nfoo=1\n", "line 5"},
		"bad number":   {head + "[program:x]\ncommand=/bin/x\nstartsecs=one\n", "line 5"},
		"bad signal":   {head + "[program:x]\ncommand=/bin/x\nstopsignal=FOO\n", "line 5"},
		"open quote":   {head + "[program:x]\ncommand=/bin/x 'a\n", "line 4"},
		"bad percent":  {head + "[program:x]\ncommand=/bin/x %a\n", "line 4"},
		"bad name":     {head + "[program:x]\ncommand=/bin/x %(nope)s\n", "nope"},
		"no command":   {head + "[program:x]\n", "line 3"},
		"numprocs":     {head + "[program:x]\ncommand=/bin/x\nnumprocs=2\n", "line 3"},
		"continuation": {head + "[program:x]\ncommand=/bin/x\n  more\n", "line 5"},
		"repeated":     {head + head, "line 3"},
		"section":      {head + "[include]\n", "line 3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	text, err := sampleConf("/run/x").Render()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("[unix_http_server]\nfile=/r/supervisord.sock ; c\n[program:x]\ncommand: a \"b\\\"c\" 'd'\nenvironment=A=b,C='d'\n")
	f.Fuzz(func(t *testing.T, text string) {
		conf, err := Parse(text)
		if err != nil {
			return
		}
		again, err := conf.Render()
		if err != nil {
			return // e.g. control characters, which are read but never written
		}
		back, err := Parse(string(again))
		if err != nil {
			t.Fatalf("rendered configuration does not parse: %v\n%s", err, again)
		}
		third, err := back.Render()
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("not stable: %v\n%s\n%s", err, again, third)
		}
	})
}

// A file opened for reading alone can be locked; it is replaced, so that the pid can be told.
func TestFT09LockReadOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "knot-resolver.pid")
	if err := os.WriteFile(path, []byte("1\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := lockFile(f, path); !errors.Is(err, errReplaced) {
		t.Errorf("lock of a file that can only be read: %v", err)
	}
	lock, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if text, err := os.ReadFile(path); err != nil || string(text) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestFT09Lock(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "knot-resolver.pid")
	for _, stale := range []string{"", "garbage", "1\n", "999999999\n"} {
		if err := os.WriteFile(path, []byte(stale), 0o644); err != nil {
			t.Fatal(err)
		}
		lock, err := Lock(dir)
		if err != nil {
			t.Fatalf("file with %q: %v", stale, err)
		}
		var held *LockedError
		if _, err := Lock(dir); !errors.As(err, &held) || held.PID != os.Getpid() {
			t.Errorf("second lock: %v", err)
		}
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("file is still there: %v", err)
		}
	}
}
