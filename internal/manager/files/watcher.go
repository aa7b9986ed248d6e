// Package files notices when files change their content, whatever way they are
// written: in place, by renaming another file onto them, or by turning a
// symbolic link.
package files

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher watches files. Make it with [New].
type Watcher struct {
	log     *slog.Logger
	pace    Pace
	changed func(files []string)
	notify  *fsnotify.Watcher

	mu   sync.Mutex
	seen map[string]content
}

// Pace says when files are read after the first sign of a change.
type Pace struct {
	Settle time.Duration // without a further sign
	Most   time.Duration // at the latest
}

// content identifies what a file contains; the zero value stands for a file that
// cannot be read.
type content [sha256.Size]byte

// New returns a watcher that calls changed, from [Watcher.Run], with those files
// whose content has changed or that have come or gone.
func New(log *slog.Logger, pace Pace, changed func(files []string)) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &Watcher{log: log, pace: pace, changed: changed, notify: notify, seen: map[string]content{}}, nil
}

// Watch replaces the list of files. What they contain now is no change, except
// for files that were watched before.
func (w *Watcher) Watch(files []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.seen
	w.seen = map[string]content{}
	for _, file := range files {
		sum, known := before[file]
		if !known {
			sum = read(file)
		}
		w.seen[file] = sum
	}
	w.follow()
}

// follow watches the directories of all files, and no others. A file alone cannot be
// watched: another one takes its name.
func (w *Watcher) follow() {
	dirs := map[string]bool{}
	for file := range w.seen {
		dirs[filepath.Dir(file)] = true
	}
	for _, old := range w.notify.WatchList() {
		if !dirs[old] {
			w.notify.Remove(old) // it may be gone by itself
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := w.notify.Add(dir); err != nil {
			w.log.Warn("changes of files will not be noticed", "directory", dir, "reason", err)
		}
	}
}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) {
	defer w.notify.Close()
	var first time.Time // sign of a change; zero when there was none
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-w.notify.Errors:
			w.log.Warn("watching files", "reason", err) // events were lost: have a look
		case <-w.notify.Events:
		case <-timer.C:
			first = time.Time{}
			if files := w.look(); len(files) > 0 {
				w.changed(files)
			}
			continue
		}
		now := time.Now()
		if first.IsZero() {
			first = now
		}
		timer.Reset(w.pace.wait(first, now))
	}
}

// wait is how long to wait after the latest sign of a change.
func (p Pace) wait(first, latest time.Time) time.Duration {
	return max(0, min(p.Settle, first.Add(p.Most).Sub(latest)))
}

// look compares all files with what they were.
func (w *Watcher) look() (changed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for file, old := range w.seen {
		if now := read(file); now != old {
			w.seen[file] = now
			changed = append(changed, file)
		}
	}
	w.follow() // a directory that was made anew
	slices.Sort(changed)
	return changed
}

func read(file string) (sum content) {
	f, err := os.Open(file)
	if err != nil {
		return content{}
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return content{}
	}
	h.Sum(sum[:0])
	return sum
}
