package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// blockDisk is a file system on a block device that can be made to misbehave as disks do.
type blockDisk struct {
	t          *testing.T
	image, dir string
	size       string
}

// blockDisk mounts an ext4 file system in the test's directory.
func (s *system) blockDisk(sub, size string) *blockDisk {
	s.t.Helper()
	if os.Getuid() != 0 {
		s.t.Skip("only root can mount a disk")
	}
	d := &blockDisk{t: s.t, image: s.path(sub + ".img"), dir: s.path(sub), size: size}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	d.mount()
	s.t.Cleanup(d.unmount)
	return d
}

// mount puts a new disk in the place; who uses an old one goes on with that.
func (d *blockDisk) mount() {
	d.t.Helper()
	d.image += "x" // a device of its own
	for _, c := range [][]string{{"truncate", "-s", d.size, d.image}, {"mkfs.ext4", "-q", "-F", "-m", "0", d.image}} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			d.t.Skipf("cannot make a disk: %v: %s", err, out)
		}
	}
	if out, err := exec.Command("mount", "-o", "loop,errors=remount-ro", d.image, d.dir).CombinedOutput(); err != nil {
		d.t.Skipf("cannot mount: %v: %s", err, out)
	}
	if err := os.Chmod(d.dir, 0o700); err != nil {
		d.t.Fatal(err)
	}
}

func (d *blockDisk) unmount() {
	for syscall.Unmount(d.dir, syscall.MNT_DETACH) == nil {
	}
}

// Requests to the file system (linux/fs.h, ext4.h).
const (
	freezeRequest   = 0xC0045877
	thawRequest     = 0xC0045878
	shutdownRequest = 0x8004587D
)

func (d *blockDisk) request(number uintptr, argument uint32) {
	d.t.Helper()
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, _, err := unix.Syscall(unix.SYS_IOCTL, f.Fd(), number, uintptr(unsafe.Pointer(&argument))); err != 0 {
		d.t.Skip("this file system cannot be made to fail: ", err)
	}
}

// stall makes everything that has to be written wait until resume is called.
func (d *blockDisk) stall() (resume func()) {
	d.t.Helper()
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := unix.IoctlSetInt(int(f.Fd()), freezeRequest, 0); err != nil {
		d.t.Skip("this file system cannot be made to wait: ", err)
	}
	done := false
	resume = func() {
		if !done {
			unix.IoctlSetInt(int(f.Fd()), thawRequest, 0)
			f.Close()
			done = true
		}
	}
	d.t.Cleanup(resume)
	return resume
}

// fail makes every read and write of the disk an I/O error from now on. All pages are written before, so that no process has
// one that it may write to without asking.
func (d *blockDisk) fail() {
	d.t.Helper()
	d.request(shutdownRequest, 0)
	if err := os.Truncate(d.image, 0); err != nil {
		d.t.Fatal(err)
	}
}

// evict takes from a process, the only one that has mapped it, what memory holds of a file.
func (d *blockDisk) evict(pid int, name string) {
	d.t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		d.t.Fatal(err)
	}
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		d.t.Skip(err)
	}
	defer unix.Close(handle)
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil || !strings.HasSuffix(strings.TrimSpace(line), d.dir+"/"+name) {
			continue
		}
		remote := [2]uint64{from, to - from} // struct iovec
		if _, _, err := unix.Syscall6(unix.SYS_PROCESS_MADVISE, uintptr(handle), uintptr(unsafe.Pointer(&remote)), 1, unix.MADV_PAGEOUT, 0, 0); err != 0 {
			d.t.Skip("pages cannot be evicted: ", err)
		}
	}
}

// readOnly has the kernel find an inconsistency, for which it makes the disk read-only under those who have files open:
// nothing else does that while somebody writes.
func (d *blockDisk) readOnly() {
	d.t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if field := strings.Fields(line); field[1] == d.dir {
			trigger := filepath.Join("/sys/fs/ext4", filepath.Base(field[0]), "trigger_fs_error")
			if err := os.WriteFile(trigger, []byte("by a test"), 0); err != nil {
				d.t.Skip("cannot make a disk read-only in use: ", err)
			}
			if err := os.WriteFile(filepath.Join(d.dir, "x"), nil, 0o600); err == nil {
				d.t.Skip("the disk can still be written to")
			}
			return
		}
	}
	d.t.Fatal("not mounted")
}
