package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"knot-resolver/internal/config"
	"knot-resolver/internal/limits"
)

func TestStream(t *testing.T) {
	var out, errs bytes.Buffer
	log := New(Options{Process: "kresd", Stdout: &out, Stderr: &errs}, config.Logging{Level: config.LogNotice, Groups: []string{"cache"}})
	log.Info("not shown")
	log.Log(t.Context(), LevelNotice, "shown", "n", 3)
	log.With("a", "b c").WithGroup("g").Error("failed\nbadly", "err", errors.New(`"x"`), slog.Group("in", "k", ""))
	cache := log.With(Group, "cache")
	cache.Debug("a group at debug level")
	fmt.Fprintf(log.Plain(), "Usage: 80%%\nDeleted\a\n")
	log.Configure(config.Logging{Level: config.LogCrit})
	cache.Debug("not any more")
	log.Error("nor this")
	log.Log(t.Context(), LevelCritical, "but this")
	log.Configure(config.Logging{Level: config.LogCrit, Groups: []string{"kresd"}, Target: config.LogStderr})
	cache.Debug("the whole process", "bytes", "\x1b[31m")
	log.Close()
	log.Error("too late")

	want := "[NOTICE] kresd: shown n=3\n" +
		`[ERROR] kresd: failed\nbadly a="b c" g.err="\"x\"" g.in.k=""` + "\n" +
		"[DEBUG] cache: a group at debug level\n" +
		"Usage: 80%\n" + `Deleted\a` + "\n" +
		"[CRITICAL] kresd: but this\n"
	if out.String() != want {
		t.Errorf("logged\n%s\nexpected\n%s", out.String(), want)
	}
	if want := `[DEBUG] cache: the whole process bytes="\x1b[31m"` + "\n"; errs.String() != want {
		t.Errorf("logged %q to stderr, expected %q", errs.String(), want)
	}
	if written, dropped := log.Counters(); written != 7 || dropped != 0 {
		t.Errorf("%d written, %d dropped", written, dropped)
	}
}

// FT-55: nobody reads the log. Who logs goes on at once, what does not fit is counted, and the reader that
// comes back hears of it.
func TestFT55StalledReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	log := New(Options{Process: "kresd", Stdout: w}, config.Logging{})
	const lines = 3 * limits.LogBacklog
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range lines {
			log.Error("nobody reads this", "line", i, "padding", strings.Repeat("x", 100))
		}
	}()
	<-done // for ever, if logging waited
	_, dropped := log.Counters()
	if dropped == 0 {
		t.Fatal("nothing was dropped")
	}
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	for written := uint64(0); written+dropped < lines; {
		time.Sleep(time.Millisecond)
		written, _ = log.Counters()
	}
	log.Error("read again")
	log.Close()
	w.Close()
	got := <-text
	if want := fmt.Sprintf("[WARNING] kresd: %d lines of the log were dropped", dropped); !strings.Contains(got, want) || !strings.HasSuffix(got, "read again\n") {
		t.Errorf("no %q in a log that ends with %q", want, got[max(0, len(got)-300):])
	}
}

// The end of a process does not wait for ever for a log that nobody reads.
func TestCloseOfStalledLog(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	log := New(Options{Process: "kresd", Stdout: w}, config.Logging{})
	log.Error("nobody reads this")
	began := time.Now()
	log.Close()
	log.Close()
	if took := time.Since(began); took < limits.LogPatience {
		t.Errorf("closed after %v although a line waits", took)
	}
}

// daemon is a socket that a log daemon would listen on.
func daemon(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 65536)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestSyslog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	var out bytes.Buffer
	conn := daemon(t, path)
	log := New(Options{Process: "kresd", Stdout: &out, Syslog: path, Journal: filepath.Join(dir, "none")}, config.Logging{Target: config.LogSyslog, Level: config.LogDebug})
	for level, number := range map[slog.Level]int{LevelCritical: 26, slog.LevelError: 27, slog.LevelWarn: 28, LevelNotice: 29, slog.LevelInfo: 30, slog.LevelDebug: 31} {
		log.With(Group, "io").Log(t.Context(), level, "hello\nworld", "n", 1)
		want := fmt.Sprintf(`^<%d>[A-Z][a-z][a-z] [ 0-9][0-9] \d\d:\d\d:\d\d kresd\[%d\]: io: hello\\nworld n=1$`, number, os.Getpid())
		if got := receive(t, conn); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("got %q, expected %s", got, want)
		}
	}
	// The daemon is restarted, then ends for good.
	conn.Close()
	os.Remove(path)
	conn = daemon(t, path)
	log.Info("again")
	if got := receive(t, conn); !strings.HasSuffix(got, "kresd: again") {
		t.Error(got)
	}
	conn.Close()
	os.Remove(path)
	log.Info("to the standard output")
	log.Close()
	if out.String() != "[INFO] kresd: to the standard output\n" {
		t.Errorf("%q", out.String())
	}
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	conn := daemon(t, path)
	log := New(Options{Process: "kresd", Journal: path, Syslog: filepath.Join(dir, "none")}, config.Logging{Target: config.LogSyslog})
	defer log.Close()
	log.With(Group, "io").Warn("hello", "n", 1)
	fields := map[string]string{}
	for line := range strings.Lines(receive(t, conn)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		fields[name] = value
	}
	for name, want := range map[string]string{
		"MESSAGE": "io: hello n=1", "PRIORITY": "4", "SYSLOG_FACILITY": "3", "SYSLOG_IDENTIFIER": "kresd", "SYSLOG_PID": fmt.Sprint(os.Getpid()),
		"KNOT_RESOLVER_GROUP": "io", "CODE_FUNC": "knot-resolver/internal/logging.TestJournal",
	} {
		if fields[name] != want {
			t.Errorf("%s: %q, expected %q", name, fields[name], want)
		}
	}
	if !strings.HasSuffix(fields["CODE_FILE"], "logging_test.go") || fields["CODE_LINE"] == "" {
		t.Errorf("fields %v", fields)
	}
	if got, want := field(nil, "A", "b\nc"), "A\n\x03\x00\x00\x00\x00\x00\x00\x00b\nc\n"; string(got) != want {
		t.Errorf("%q, expected %q", got, want)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "plain = text": "plain = text", "ěšč": "ěšč", "a\nb": `a\nb`, "\x1b[0m\x00\x7f": `\x1b[0m\x00\x7f`,
		"\u0085\u202e\u200b": `\u0085\u202e\u200b`, "bad\xffbyte": `bad\xffbyte`, "\ufffd": `\ufffd`,
	} {
		if got := escape(in); got != want {
			t.Errorf("%q: %s, expected %s", in, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\nb\x1b\xff\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		got := escape(s)
		if strings.ContainsFunc(got, unprintable) || !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
	})
}
