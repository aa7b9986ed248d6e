package files

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	p := Pace{Settle: 10, Most: 25}
	start := time.Unix(0, 0)
	for after, want := range map[time.Duration]time.Duration{0: 10, 5: 10, 15: 10, 20: 5, 25: 0, 40: 0} {
		if got := p.wait(start, start.Add(after)); got != want {
			t.Errorf("%d after the first sign: wait %d, expected %d", after, got, want)
		}
	}
}

// Every way in which a file can change its content, and some in which it does not.
func TestWatcher(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write("a", "1")
	write("b", "1")
	must(os.Mkdir(path("one"), 0o700))
	must(os.Mkdir(path("two"), 0o700))
	write("one/c", "1")
	write("two/c", "2")
	must(os.Symlink("one", path("link")))
	must(os.Symlink("link/c", path("c")))

	told := make(chan []string, 100)
	w, err := New(slog.New(slog.DiscardHandler), Pace{150 * time.Millisecond, 3 * time.Second}, func(files []string) { told <- files })
	must(err)
	w.Watch([]string{path("a"), path("b"), path("c")})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go w.Run(ctx)

	tests := []struct {
		name string
		do   func()
		want []string
	}{
		{"written", func() { write("a", "2") }, []string{"a"}},
		{"the same again", func() { write("a", "2") }, nil},
		{"touched", func() { must(os.Chtimes(path("a"), time.Now(), time.Now())) }, nil},
		{"a neighbour", func() { write("x", "1") }, nil},
		{"renamed onto", func() { write("tmp", "3"); must(os.Rename(path("tmp"), path("a"))) }, []string{"a"}},
		{"a burst", func() {
			for range 10 {
				write("a", "")
				write("b", "4")
				write("a", "4")
				time.Sleep(time.Millisecond)
			}
		}, []string{"a", "b"}},
		{"link turned", func() { must(os.Symlink("two", path("new"))); must(os.Rename(path("new"), path("link"))) }, []string{"c"}},
		{"deleted", func() { must(os.Remove(path("b"))) }, []string{"b"}},
		{"made anew", func() { write("b", "5") }, []string{"b"}},
	}
	for _, test := range tests {
		test.do()
		var got []string
		select {
		case files := <-told:
			for _, f := range files {
				got = append(got, filepath.Base(f))
			}
		case <-time.After(700 * time.Millisecond):
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: told of %q, expected %q", test.name, got, test.want)
		}
	}
	w.Watch([]string{path("a")})
	write("b", "6")
	select {
	case files := <-told:
		t.Errorf("told of %q, which is not watched any more", files)
	case <-time.After(600 * time.Millisecond):
	}
}
