package manager

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// errCacheInUse is the cause when another system has the cache directory.
var errCacheInUse = errors.New("another running system uses it")

// claim takes a cache directory for this system, until the file is closed or this process ends: two
// systems with different limits would work against each other.
func claim(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("/cache/storage: %w", err)
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		d.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errCacheInUse
		}
		return nil, fmt.Errorf("/cache/storage: %s: %w", dir, err)
	}
	return d, nil
}

// claimCache is claim, and warns of what is wrong with the directory but may be meant.
func (m *Manager) claimCache(dir string) (*os.File, error) {
	d, err := claim(dir)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	var fsys unix.Statfs_t
	if errors.Join(unix.Fstat(int(d.Fd()), &st), unix.Fstatfs(int(d.Fd()), &fsys)) == nil {
		for _, why := range doubts(uint32(st.Mode), int(st.Uid), os.Geteuid(), int64(fsys.Type)) {
			m.Log.Warn("cache directory", "path", dir, "reason", why)
		}
	}
	return d, nil
}

// doubts says what is wrong with a directory of a mode and an owner, for a user, on a type of file system. None of it is refused: in
// a container nobody else is there, and the files of the cache are looked at each time they are opened.
func doubts(mode uint32, owner, user int, fsys int64) (list []string) {
	if mode&0o002 != 0 && mode&unix.S_ISVTX == 0 {
		list = append(list, fmt.Sprintf("everybody can replace files in it (mode %04o)", mode&0o7777))
	}
	if owner != 0 && owner != user {
		list = append(list, fmt.Sprintf("it belongs to user %d, who can replace files in it", owner))
	}
	if name := network[uint32(fsys)]; name != "" {
		list = append(list, "it is on "+name+": processes wait for the network, and on another machine they see other content; use a local disk or tmpfs")
	}
	return list
}

// network names the file systems of other machines by the number that statfs tells.
var network = map[uint32]string{
	unix.NFS_SUPER_MAGIC: "NFS", unix.SMB_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "CIFS", unix.SMB2_SUPER_MAGIC: "SMB",
	unix.AFS_SUPER_MAGIC: "AFS", unix.CODA_SUPER_MAGIC: "Coda", unix.CEPH_SUPER_MAGIC: "Ceph", unix.V9FS_MAGIC: "9P",
}

// moveCache runs change, which moves the system to a version with another cache directory, with both
// directories claimed. Whichever is not used after that is given back.
func (m *Manager) moveCache(from, to string, change func() error) error {
	if from == to {
		return change()
	}
	next, err := m.claimCache(to)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		next.Close()
		return err
	}
	if m.cacheDir != nil {
		m.cacheDir.Close()
	}
	m.cacheDir = next
	return nil
}
