package manager

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

// getVersions lists the versions kept, the one in force last.
func (m *Manager) getVersions(w http.ResponseWriter, _ *http.Request) {
	control.WriteJSON(w, m.history.list(), nil)
}

// getVersion answers with the user's tree of a version.
func (m *Manager) getVersion(w http.ResponseWriter, r *http.Request) {
	v, err := m.version(r.PathValue("version"))
	if err != nil {
		writeError(w, err)
		return
	}
	control.WriteJSON(w, v.Raw, nil)
}

// version finds a version by its number.
func (m *Manager) version(text string) (v record, err error) {
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return v, &control.BadRequest{Err: fmt.Errorf("version %q is not a number", text)}
	}
	v, ok := m.history.find(number)
	if !ok {
		return v, fmt.Errorf("%w version %d: it is not kept", errNothingThere, number)
	}
	return v, nil
}

// difference is one option that two versions disagree on.
type difference struct {
	Pointer string          `json:"pointer"`
	Before  json.RawMessage `json:"before,omitempty"` // as written; absent = not set
	After   json.RawMessage `json:"after,omitempty"`
	Cost    string          `json:"cost"` // what changing it takes
}

// getDiff lists what differs between a version and an earlier one.
func (m *Manager) getDiff(w http.ResponseWriter, r *http.Request) {
	after, err := m.version(r.PathValue("version"))
	var before record
	if err == nil {
		before, err = m.version(cmp.Or(r.URL.Query().Get("from"), strconv.FormatUint(max(after.Number, 1)-1, 10)))
	}
	var list []difference
	if err == nil {
		list, err = m.compareVersions(before.Raw, after.Raw)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	control.WriteJSON(w, list, nil)
}

func (m *Manager) compareVersions(before, after []byte) ([]difference, error) {
	a, err := m.valid(before)
	if err != nil {
		return nil, err
	}
	b, err := m.valid(after)
	if err != nil {
		return nil, err
	}
	list := []difference{}
	for _, c := range config.Diff(a, b) {
		x, y := a.Document().JSONAt(c.Pointer), b.Document().JSONAt(c.Pointer)
		if bytes.Equal(x, y) {
			continue // derived from the environment
		}
		list = append(list, difference{c.Pointer, x, y, c.Class.String()})
	}
	return list, nil
}

// rollback puts a version that is kept in force again, under a new number.
func (m *Manager) rollback(w http.ResponseWriter, r *http.Request) {
	v, err := m.version(r.PathValue("version"))
	if err != nil {
		writeError(w, err)
		return
	}
	err = m.transact(r.Context(), fmt.Sprintf("rollback to %d", v.Number), asNeeded, func(old *current) (*current, error) {
		return m.edited(r, func(*config.Document) ([]byte, error) { return v.Raw, nil }, old)
	})
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("ETag", etag(m.live.Load().Raw))
}
