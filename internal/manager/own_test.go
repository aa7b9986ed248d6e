package manager

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// FT-20: what is wrong with a cache directory without being refused.
func TestFT20Doubts(t *testing.T) {
	const ext4, tmpfs = 0xef53, 0x01021994
	for _, test := range []struct {
		mode        uint32
		owner, user int
		fsys        int64
		want        string
	}{
		{0o700, 4711, 4711, ext4, ""},
		{0o770, 0, 4711, tmpfs, ""},
		{0o1777, 0, 4711, tmpfs, ""}, // containers
		{0o777, 0, 0, ext4, "everybody (mode 0777)"},
		{0o755, 1000, 0, ext4, "user 1000"},
		{0o755, 1000, 4711, ext4, "user 1000"},
		{0o700, 0, 0, unix.NFS_SUPER_MAGIC, "NFS"},
		{0o700, 0, 0, unix.CIFS_SUPER_MAGIC, "CIFS"},
		{0o700, 0, 0, int64(int32(-0x00acb2be)), "CIFS"}, // as some machines tell it
		{0o777, 1000, 0, unix.CEPH_SUPER_MAGIC, "everybody user 1000 Ceph"},
	} {
		got := doubts(unix.S_IFDIR|test.mode, test.owner, test.user, test.fsys)
		text := fmt.Sprint(got)
		for _, word := range strings.Fields(test.want) {
			if !strings.Contains(text, word) {
				t.Errorf("%+v: %q", test, got)
			}
		}
		if test.want == "" && got != nil {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
