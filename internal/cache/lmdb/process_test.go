//go:build cgo

package lmdb

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/cache"
)

// childEnv makes the test binary the child process of a test: "<role> <directory>".
const childEnv = "LMDB_TEST_CHILD"

func TestMain(m *testing.M) {
	if role, dir, ok := strings.Cut(os.Getenv(childEnv), " "); ok {
		if err := child(role, dir); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child writes until it is killed, or holds something and waits.
func child(role, dir string) error {
	s, err := Open(Options{Dir: dir, Size: testSize, Version: "test", Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	switch role {
	case "writer":
		fmt.Println("ready")
		for i := 0; ; i++ {
			s.Write(fmt.Appendf(nil, "%06d", rand.IntN(2_000)), pattern(rand.IntN(2000)))
			if i%100 == 0 {
				s.Flush()
			}
		}
	case "holder": // dies with the lock of writers
		return s.Update(func(w cache.Writer) error {
			w.Put([]byte("half"), []byte("done"))
			fmt.Println("ready")
			select {}
		})
	case "reader": // dies with a snapshot
		return s.View(func(cache.Reader) error {
			fmt.Println("ready")
			select {}
		})
	case "once":
		s.Write([]byte("from the child"), []byte("x"))
		return s.Close()
	}
	return fmt.Errorf("no role %q", role)
}

// pattern returns a value of n bytes that shows whether it is whole.
func pattern(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n) }

// start starts a child and waits until it is ready.
func start(t *testing.T, role, dir string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+role+" "+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	kill = func() {
		if !ended {
			ended = true
			in.Close()
			cmd.Process.Kill()
			io.Copy(io.Discard, out)
			cmd.Wait()
		}
	}
	t.Cleanup(kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("child says %q, %v", line, err)
	}
	return kill
}

// A writer killed at any point leaves whole entries and no lock behind.
func TestFT02KilledWriter(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Size: testSize})
	for round := range 20 {
		kill := start(t, "writer", dir)
		time.Sleep(time.Duration(rand.IntN(int(20 * time.Millisecond))))
		kill()
		key := fmt.Appendf(nil, "round %d", round)
		s.Write(key, []byte("x"))
		before := time.Now()
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(before); d > 2*time.Second {
			t.Errorf("next write took %v", d)
		}
		checkWhole(t, s)
	}
	st := s.Stats()
	if st.Entries < 1000 || st.Faults != 0 || st.Reopened != 0 || st.Failed != 0 {
		t.Errorf("%+v", st)
	}
	for round := range 20 {
		want(t, s, fmt.Sprint("round ", round), "x")
	}
}

func checkWhole(t *testing.T, s *Store) {
	t.Helper()
	if err := s.View(func(r cache.Reader) error {
		for k, v := range r.Range([]byte("0")) {
			if k[0] <= '9' && !bytes.Equal(v, pattern(len(v))) {
				return fmt.Errorf("value of %s is torn", k)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, s *Store, key, value string) {
	t.Helper()
	got := "-"
	if err := s.View(func(r cache.Reader) error {
		if v, ok := r.Get([]byte(key)); ok {
			got = string(v)
		}
		return nil
	}); err != nil || got != value {
		t.Errorf("Get(%s) = %q, %v; want %q", key, got, err, value)
	}
}

func TestFT02KilledInTransaction(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Size: testSize})
	for range 3 {
		kill := start(t, "holder", dir)
		s.Write([]byte("waits"), []byte("x"))
		want(t, s, "waits", "x") // readers do not care about the lock
		time.Sleep(20 * time.Millisecond)
		kill()
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		want(t, s, "half", "-")
		works(t, s)
	}
}

// A reader killed with a snapshot does not keep its pages for ever.
func TestKilledReader(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Size: testSize})
	kill := start(t, "reader", dir)
	kill()
	var dead int
	err := s.do(func() (err error) {
		dead, err = s.env.dropDeadReaders()
		return err
	}, false)
	if err != nil || dead == 0 {
		t.Errorf("%d dead readers, %v", dead, err)
	}
}

// Two processes see each other's writes, also after one of them replaced the file.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Size: testSize})
	once := func() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"=once "+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	once()
	want(t, s, "from the child", "x")
	works(t, s)

	if err := os.Remove(filepath.Join(dir, dataFile)); err != nil {
		t.Fatal(err)
	}
	once()
	want(t, s, "works", "yes") // still the old file
	if err := s.do(s.checkHealth, false); err != nil {
		t.Fatal(err)
	}
	want(t, s, "works", "-")
	want(t, s, "from the child", "x")
	if st := s.Stats(); st.Reopened != 1 || st.SizeBytes != testSize {
		t.Errorf("%+v", st)
	}
}

// A process that has mapped a smaller size follows when the file has grown.
func TestGrownByOther(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Size: testSize / 8})
	fill(t, s, 100)
	kill := start(t, "writer", dir) // of the full size
	eventually(t, "grown beyond the map", func() bool {
		h, err := readHeader(filepath.Join(dir, dataFile))
		return err == nil && h.lastPage*h.pageSize > testSize/8
	})
	kill()
	eventually(t, "followed", func() bool { return s.Stats().SizeBytes == testSize })
	works(t, s)
	checkWhole(t, s)
	if len(corrupt(t, dir)) != 0 {
		t.Error("good file was set aside")
	}
}
