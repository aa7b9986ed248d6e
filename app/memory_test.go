package app

import (
	"testing"
	"testing/fstest"
)

func TestMemoryMax(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no control groups":   {nil, 0},
		"version 1":           {map[string]string{"proc/self/cgroup": "3:memory:/x\n", "sys/fs/cgroup/memory.max": "5"}, 0},
		"container":           {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1000\n"}, 1000},
		"unlimited":           {map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 0},
		"service":             {map[string]string{"proc/self/cgroup": "1:x:/\n0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "2000\n", "sys/fs/cgroup/a/memory.max": "max\n"}, 2000},
		"less in one above":   {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "2000\n", "sys/fs/cgroup/a/memory.max": "500\n"}, 500},
		"path out of the way": {map[string]string{"proc/self/cgroup": "0::/../../a\n", "sys/fs/cgroup/a/memory.max": "7\n"}, 7},
	} {
		fsys := fstest.MapFS{}
		for file, text := range c.files {
			fsys[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := memoryMax(fsys); got != c.want {
			t.Errorf("%s: %d, expected %d", name, got, c.want)
		}
	}
	if got := memoryShare(1<<30, 2); got < 285<<20 || got > 295<<20 {
		t.Errorf("share %d", got)
	}
}
