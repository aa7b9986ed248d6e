package manager

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"knot-resolver/internal/control"
)

// errNoWorker is answered when no worker can be asked.
var errNoWorker = errors.New("no worker is running")

// first returns a client of the ready worker with the lowest number.
func (m *Manager) first() (*control.Client, error) {
	workers := m.team.ready()
	if len(workers) == 0 {
		return nil, errNoWorker
	}
	return m.client(workers[0]), nil
}

// clearCache lets one worker clear the shared cache, and the others forget what
// they took from it.
func (m *Manager) clearCache(w http.ResponseWriter, r *http.Request) {
	var what control.CacheClear
	yaml, err := isYAML(r)
	if err == nil && yaml {
		err = fmt.Errorf("%w: expected application/json", errMediaType)
	}
	if err == nil {
		err = control.ReadJSON(r, &what)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	if what.RRType != "" && !what.ExactName {
		writeError(w, &control.BadRequest{Err: errors.New("rr-type requires exact-name")})
		return
	}
	if what.ChunkSize < 0 {
		writeError(w, &control.BadRequest{Err: errors.New("chunk-size is not positive")})
		return
	}
	client, err := m.first()
	var result json.RawMessage
	if err == nil {
		err = m.forget(r.Context()) // else somebody writes afterwards what he has had before
	}
	if err == nil {
		result, err = client.ClearCache(r.Context(), what)
	}
	if err == nil {
		err = m.forget(r.Context())
	}
	control.WriteJSON(w, result, err)
}

// forget makes every worker write what it has to write to the cache, and drop what
// it keeps of it in memory. One that
// has gone meanwhile keeps nothing.
func (m *Manager) forget(ctx context.Context) error {
	var errs []error
	for _, p := range m.team.ready() {
		if err := m.client(p).Forget(ctx); err != nil && m.team.serving(p) {
			errs = append(errs, fmt.Errorf("%s: %w", p, err))
		}
	}
	return errors.Join(errs...)
}

// explain lets one worker resolve a name and tell how.
func (m *Manager) explain(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("name") == "" {
		writeError(w, &control.BadRequest{Err: errors.New("name is missing")})
		return
	}
	client, err := m.first()
	var trace json.RawMessage
	if err == nil {
		trace, err = client.Explain(r.Context(), q.Get("name"), cmp.Or(q.Get("type"), "A"))
	}
	control.WriteJSON(w, trace, err)
}

// testPolicy lets one worker tell what the rules would do to a query.
func (m *Manager) testPolicy(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("name") == "" {
		writeError(w, &control.BadRequest{Err: errors.New("name is missing")})
		return
	}
	client, err := m.first()
	var report json.RawMessage
	if err == nil {
		report, err = client.TestPolicy(r.Context(), control.PolicyQuery{Name: q.Get("name"), Type: q.Get("type"), Client: q.Get("client"), Protocol: q.Get("proto")})
	}
	control.WriteJSON(w, report, err)
}

// listed is a process in the answer to /processes.
type listed struct {
	Type   string `json:"type"`
	PID    int    `json:"pid"`
	Status string `json:"status"`
}

// kinds are the names of the roles in the API, by the suffix of the path.
var kinds = map[string][]control.Role{
	"kresd": {control.RoleWorker},
	"gc":    {control.RoleCacheGC},
	"all":   {control.RoleWorker, control.RoleCacheGC, control.RolePolicyLoader, control.RoleTransfer},
}

// getProcesses lists the processes that run.
func (m *Manager) getProcesses(w http.ResponseWriter, r *http.Request) {
	kind := cmp.Or(r.PathValue("kind"), "all")
	roles, ok := kinds[kind]
	if !ok {
		writeError(w, &control.BadRequest{Err: fmt.Errorf("unknown kind of process %q: kresd, gc or all", kind)})
		return
	}
	processes, err := m.Supervisor.Processes(r.Context())
	list := []listed{}
	for _, process := range processes {
		p, ok := postOf(process.Name)
		if ok && process.PID != 0 && slices.Contains(roles, p.role) {
			list = append(list, listed{apiType(p.role), process.PID, "RUNNING"})
		}
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	control.WriteJSON(w, list, err)
}

func apiType(r control.Role) string {
	switch r {
	case control.RoleWorker:
		return "KRESD"
	case control.RoleCacheGC:
		return "GC"
	case control.RoleTransfer:
		return "ZONE_TRANSFER"
	}
	return "POLICY_LOADER"
}
