package manager

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// record is a version that has been in force.
type record struct {
	Number uint64          `json:"version"`
	Time   time.Time       `json:"time"`   // since when
	Origin string          `json:"origin"` // what put it in force
	Raw    json.RawMessage `json:"config,omitempty"`
}

// history keeps the versions that have been in force, in a file, so that a
// restarted manager knows them. It ends with the system.
type history struct {
	file   string
	failed func(error) // told when the file cannot be written

	mu      sync.Mutex
	records []record // ascending
	lost    bool     // could not be saved
}

func historyFile(rundir string) string { return filepath.Join(control.Dir(rundir), "history.json") }

// load reads what an earlier manager has kept. A file that is missing or broken is an
// empty history.
func (h *history) load() {
	text, err := os.ReadFile(h.file)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil || json.Unmarshal(text, &h.records) != nil {
		h.records = nil
	}
}

// add notes that a version is in force now.
func (h *history) add(v *current, origin string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = slices.DeleteFunc(h.records, func(r record) bool { return r.Number >= v.Number })
	h.records = append(h.records, record{v.Number, time.Now().UTC().Truncate(time.Second), origin, v.Raw})
	h.trim()
	err := h.save()
	if h.lost = err != nil; h.lost {
		h.failed(err)
	}
}

// unsaved says whether the file could not be written when it was last tried.
func (h *history) unsaved() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

// trim forgets the oldest versions, never the last.
func (h *history) trim() {
	size := 0
	for i, r := range slices.Backward(h.records) {
		size += len(r.Raw)
		if kept := len(h.records) - i; kept > 1 && (kept > limits.History || size > limits.HistoryBytes) {
			h.records = slices.Clone(h.records[i+1:])
			return
		}
	}
}

func (h *history) save() error {
	text, err := json.Marshal(h.records)
	if err != nil {
		return err
	}
	fresh := h.file + ".new"
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, h.file)
}

// clear starts anew.
func (h *history) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = nil
}

// list returns all versions without their texts.
func (h *history) list() []record {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]record, 0, len(h.records))
	for _, r := range h.records {
		r.Raw = nil
		list = append(list, r)
	}
	return list
}

// find returns a version.
func (h *history) find(number uint64) (record, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.records {
		if r.Number == number {
			return r, true
		}
	}
	return record{}, false
}
