package app

import (
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryPercent is the part of the memory that a control group may use that the heaps of all workers take
// at most before the collector of garbage works harder. The rest is for the other processes and for pages
// of the cache file that wait to be written.
const memoryPercent = 85

// limitMemory makes a worker, one of several, keep within its share of what the control group may use.
func limitMemory(workers int) {
	most := memoryMax(os.DirFS("/").(readFS))
	if most > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryShare(most, workers))
	}
}

// memoryShare is the limit of one worker in bytes. The manager and cache-gc count as one more.
func memoryShare(most int64, workers int) int64 { return most / 100 * memoryPercent / int64(workers+1) }

// readFS reads files.
type readFS interface {
	ReadFile(name string) ([]byte, error)
}

// memoryMax returns how many bytes the control group of this process, or one above it, may use (version 2);
// 0 when there is no limit.
func memoryMax(fsys readFS) (most int64) {
	group, err := fsys.ReadFile("proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(group)) {
		dir, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for dir = path.Clean("/" + dir); ; dir = path.Dir(dir) {
			text, _ := fsys.ReadFile(filepath.Join("sys/fs/cgroup", dir, "memory.max"))
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && (most == 0 || n < most) {
				most = n
			}
			if dir == "/" {
				return most
			}
		}
	}
	return 0
}
