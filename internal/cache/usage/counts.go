package usage

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Counts are the counters as they were at one time. The zero value knows nothing.
type Counts struct {
	counters counters
	minute   uint64
}

// Read reads the counters of the cache in dir. Errors: fs.ErrNotExist, others of the system, and a
// file that holds no counters; the Counts are then empty and can be used.
func Read(dir string, now time.Time) (Counts, error) {
	path := filepath.Join(dir, FileName)
	b, err := os.ReadFile(path)
	if err != nil {
		return Counts{}, fmt.Errorf("statistics of use: %w", err)
	}
	return parse(b, path, now)
}

func parse(b []byte, path string, now time.Time) (Counts, error) {
	if readHeader(b, int64(len(b))) == 0 {
		return Counts{}, fmt.Errorf("statistics of use: %s holds none", path)
	}
	return Counts{counters(b[headerSize:]), minuteOf(now)}, nil
}

// Uses returns how often the entry with the given key was used lately: older uses count less, by half
// each limits.UsageHalfLife.
func (c *Counts) Uses(entry []byte) uint64 {
	if len(c.counters) == 0 {
		return 0
	}
	// The lowest bit is not part of a key that was recorded; neither index nor tag depends on it.
	return c.counters.uses(keyOf(entry), c.minute)
}
