package control

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// pair returns two connected ends.
func pair(t testing.TB) (a, b *Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]*Conn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		ends[i] = &Conn{c.(*net.UnixConn)}
	}
	return ends[0], ends[1]
}

// openFiles opens n descriptors that can be told apart.
func openFiles(t *testing.T, n int) (files []int) {
	t.Helper()
	for i := range n {
		fd, err := unix.MemfdCreate(fmt.Sprint("file", i), unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		unix.Ftruncate(fd, int64(i))
		files = append(files, fd)
	}
	t.Cleanup(func() { CloseAll(files) })
	return files
}

func TestFrames(t *testing.T) {
	for _, n := range []int{0, 1, limits.ControlFilesPerMessage, limits.ControlFilesPerMessage + 1, 2*limits.ControlFilesPerMessage + 7} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			a, b := pair(t)
			sent := openFiles(t, n)
			text := strings.Repeat("x", 300_000) // more than a socket buffer
			failed := make(chan error, 1)
			go func() {
				err := a.Send(Report{Error: text}, sent)
				failed <- errors.Join(err, a.Send(Report{Error: "second"}, nil))
			}()
			var first, second Report
			got, err := b.Receive(&first)
			if err != nil || first.Error != text {
				t.Fatalf("received %d bytes, %v", len(first.Error), err)
			}
			defer CloseAll(got)
			if len(got) != n {
				t.Fatalf("received %d descriptors", len(got))
			}
			for i, fd := range got {
				var st unix.Stat_t
				flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
				if unix.Fstat(fd, &st); st.Size != int64(i) || flags&unix.FD_CLOEXEC == 0 {
					t.Fatalf("descriptor %d: size %d, flags %#x", i, st.Size, flags)
				}
			}
			if _, err := b.Receive(&second); err != nil || second.Error != "second" {
				t.Errorf("second frame %q, %v", second.Error, err)
			}
			if err := <-failed; err != nil {
				t.Error(err)
			}
			a.Close()
			if _, err := b.Receive(&second); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

func frame(size, count uint32, rest string) []byte {
	b := binary.BigEndian.AppendUint32(nil, size)
	return append(binary.BigEndian.AppendUint32(b, count), rest...)
}

var frames = [][]byte{
	frame(2, 0, "{}"), frame(2, 0, "[]"), frame(2, 0, "{"), frame(9, 0, `{"error":`),
	frame(2, 1, "{}"), frame(2, 1, "{}\x00"), frame(1<<31, 0, ""), frame(2, 1<<31, "{}"), frame(0, 0, ""), []byte("\x00\x00"),
}

// FuzzReceive sends arbitrary bytes: no hang, no excess of memory, no
// descriptors out of nothing.
func FuzzReceive(f *testing.F) {
	for _, b := range frames {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 60_000 {
			return // would need a second goroutine to send
		}
		near, far := pair(t)
		near.unix.Write(b)
		near.Close()
		var r Report
		files, err := far.Receive(&r)
		if len(files) > 0 {
			t.Errorf("%d descriptors appeared", len(files))
		}
		whole := len(b) >= frameHeader && binary.BigEndian.Uint32(b[4:]) == 0 &&
			uint64(len(b)-frameHeader) >= uint64(binary.BigEndian.Uint32(b))
		if err == nil && !whole {
			t.Errorf("took an incomplete frame %q", b)
		}
	})
}

func TestJoinWaitsForTheManager(t *testing.T) {
	dir := shortDir(t)
	if err := MakeDir(dir); err != nil {
		t.Fatal(err)
	}
	type result struct {
		link *Link
		err  error
	}
	joined := make(chan result, 1)
	go func() {
		link, err := Join(context.Background(), dir, RoleWorker, 3)
		joined <- result{link, err}
	}()
	l, err := Listen(JoinPath(dir), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := l.AcceptConn()
	if err != nil {
		t.Fatal(err)
	}
	var hello Hello
	if _, err := conn.Receive(&hello); err != nil || hello != (Hello{RoleWorker, 3, os.Getpid()}) {
		t.Fatalf("hello %+v, %v", hello, err)
	}
	files := openFiles(t, 2)
	conn.Send(Assignment{Version: Version{Number: 5}, Sockets: make([]Socket, 2)}, files)
	r := <-joined
	if r.err != nil || r.link.Assignment.Version.Number != 5 || len(r.link.Files) != 2 {
		t.Fatalf("joined %+v", r)
	}
	defer CloseAll(r.link.Files)
	r.link.Report(errors.New("broken"))
	var report Report
	if _, err := conn.Receive(&report); err != nil || report.Error != "broken" {
		t.Errorf("report %+v, %v", report, err)
	}
	r.link.Close()
	if _, err := conn.Receive(&report); err != io.EOF {
		t.Errorf("after the end of the component: %v", err)
	}
}

func TestJoinEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := Join(ctx, shortDir(t), RoleCacheGC, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestListen(t *testing.T) {
	path := filepath.Join(shortDir(t), "x.sock")
	first, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	first.UnixListener.Close() // as if it was killed: the file stays
	second, err := Listen(path, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("socket %v, %v", info, err)
	}
	second.Close()
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	long := filepath.Join(shortDir(t), strings.Repeat("x", 120))
	if _, err := Listen(long, 0o600); err == nil {
		t.Error("a path too long for a socket was taken")
	}
}

// shortDir is a directory whose name leaves room for a Unix socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
