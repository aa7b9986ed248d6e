package manager

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
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

// getMetrics answers with the counters of every worker, null for one that does
// not answer.
func (m *Manager) getMetrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), limits.ManagerMetrics)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	result := map[string]json.RawMessage{}
	for n := range m.live.Load().Config.Workers {
		all.Go(func() {
			metrics, err := m.client(worker(n)).Metrics(ctx)
			if err != nil {
				m.Log.Warn("no metrics", "process", worker(n), "reason", err)
				metrics = json.RawMessage("null")
			}
			mu.Lock()
			defer mu.Unlock()
			result[worker(n).String()] = metrics
		})
	}
	all.Wait()
	control.WriteJSON(w, result, nil)
}

// clearCache lets one worker clear the shared cache.
func (m *Manager) clearCache(w http.ResponseWriter, r *http.Request) {
	var what control.CacheClear
	if err := control.ReadJSON(r, &what); err != nil {
		control.WriteError(w, err)
		return
	}
	if what.RRType != "" && !what.ExactName {
		control.WriteError(w, &control.BadRequest{Err: errors.New("rr-type requires exact-name")})
		return
	}
	if what.ChunkSize < 0 {
		control.WriteError(w, &control.BadRequest{Err: errors.New("chunk-size is not positive")})
		return
	}
	client, err := m.first()
	var result json.RawMessage
	if err == nil {
		result, err = client.ClearCache(r.Context(), what)
	}
	control.WriteJSON(w, result, err)
}

// explain lets one worker resolve a name and tell how.
func (m *Manager) explain(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("name") == "" {
		control.WriteError(w, &control.BadRequest{Err: errors.New("name is missing")})
		return
	}
	client, err := m.first()
	var trace json.RawMessage
	if err == nil {
		trace, err = client.Explain(r.Context(), q.Get("name"), cmp.Or(q.Get("type"), "A"))
	}
	control.WriteJSON(w, trace, err)
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
	"all":   {control.RoleWorker, control.RoleCacheGC, control.RolePolicyLoader},
}

// getProcesses lists the processes that run.
func (m *Manager) getProcesses(w http.ResponseWriter, r *http.Request) {
	kind := cmp.Or(r.PathValue("kind"), "all")
	roles, ok := kinds[kind]
	if !ok {
		control.WriteError(w, &control.BadRequest{Err: fmt.Errorf("unknown kind of process %q: kresd, gc or all", kind)})
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
	}
	return "POLICY_LOADER"
}
