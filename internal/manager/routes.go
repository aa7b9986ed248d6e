package manager

import (
	"fmt"
	"net/http"
)

// route is one thing that the API can be asked for.
type route struct {
	method  string
	path    string // as in patterns of [http.ServeMux]
	summary string
	body    bodyKind
	answer  string // content type of a success; empty = nothing
	failure []int  // statuses besides 200, 400, 413 and 500
	serve   http.HandlerFunc
}

// bodyKind is what a request carries.
type bodyKind int

const (
	noBody    bodyKind = iota
	valueBody          // a value of the configuration, JSON or YAML
	patchBody          // a JSON Patch
	cacheBody          // what to clear, JSON
)

// Content types of answers.
const (
	asJSON = "application/json"
	asText = "text/plain"
	asHTML = "text/html"
)

// routes is the whole public interface.
func (m *Manager) routes() []route {
	return []route{
		{"GET", "/{$}", "Whether the manager runs", noBody, asJSON, nil, alive},
		{"GET", "/v1/config", "The configuration as written", noBody, asJSON, []int{304, 412}, m.getConfig},
		{"GET", "/v1/config/{pointer...}", "A part of the configuration, by JSON pointer", noBody, asJSON, []int{304, 404, 412}, m.getConfig},
		{"PUT", "/v1/config", "Replace the configuration", valueBody, "", []int{409, 412, 415}, m.putConfig},
		{"PUT", "/v1/config/{pointer...}", "Set a part of the configuration; the index - appends to a list", valueBody, "", []int{409, 412, 415}, m.putConfig},
		{"DELETE", "/v1/config", "Go back to the defaults everywhere", noBody, "", []int{409, 412}, m.deleteConfig},
		{"DELETE", "/v1/config/{pointer...}", "Delete a part of the configuration", noBody, "", []int{404, 409, 412}, m.deleteConfig},
		{"PATCH", "/v1/config", "Apply a JSON Patch (RFC 6902) to the configuration", patchBody, "", []int{409, 412, 415}, m.patchConfig},
		{"PATCH", "/v1/config/{pointer...}", "Apply a JSON Patch to a part of the configuration", patchBody, "", []int{409, 412, 415}, m.patchConfig},
		{"GET", "/v1/versions", "The configurations that have been in force", noBody, asJSON, nil, m.getVersions},
		{"GET", "/v1/versions/{version}", "A configuration that has been in force", noBody, asJSON, []int{404}, m.getVersion},
		{"GET", "/v1/versions/{version}/diff", "What has changed since the version before, or the one of the parameter from", noBody, asJSON, []int{404}, m.getDiff},
		{"POST", "/v1/versions/{version}/rollback", "Put an earlier configuration in force again", noBody, "", []int{404, 409, 412}, m.rollback},
		{"POST", "/reload", "Read the configuration files again", noBody, asText, []int{409}, m.changing("configuration reloaded", m.Reload)},
		{"POST", "/reload/force", "The same, and replace all workers", noBody, asText, []int{409}, m.changing("configuration reloaded", m.reloadForced)},
		{"POST", "/renew", "Read again the files that the configuration names", noBody, asText, nil, m.changing("configuration renewed", m.Renew)},
		{"POST", "/renew/force", "The same, and replace all workers", noBody, asText, nil, m.changing("configuration renewed", m.renewForced)},
		{"POST", "/stop", "Stop the resolver", noBody, asText, nil, m.stop},
		{"POST", "/upgrade", "Run the program that is installed now", noBody, asText, nil, m.upgrade},
		{"POST", "/cache/clear", "Remove records from the cache", cacheBody, asJSON, nil, m.clearCache},
		{"GET", "/metrics", "Where the metrics are", noBody, asHTML, []int{301}, redirectMetrics},
		{"GET", "/metrics/json", "Counters of every worker", noBody, asJSON, nil, m.getMetrics},
		{"GET", "/metrics/prometheus", "The same for Prometheus", noBody, asText, nil, m.prometheusHandler()},
		{"GET", "/explain", "Resolve a name and tell how", noBody, asJSON, nil, m.explain},
		{"GET", "/zones", "The zones that are transferred from primaries, with their state", noBody, asJSON, nil, m.getZones},
		{"GET", "/policy/test", "What the rules would do to a query", noBody, asJSON, nil, m.testPolicy},
		{"GET", "/processes", "All processes", noBody, asJSON, nil, m.getProcesses},
		{"GET", "/processes/{kind}", "The processes of a kind: kresd, gc or all", noBody, asJSON, nil, m.getProcesses},
		{"GET", "/schema", "JSON schema of the configuration", noBody, asJSON, nil, getSchema},
		{"GET", "/schema/ui", "The same to read", noBody, asHTML, nil, getSchemaPage},
		{"GET", "/openapi.json", "This description", noBody, asJSON, nil, m.getOpenAPI},
	}
}

// api is the public HTTP interface.
func (m *Manager) api() http.Handler {
	mux := http.NewServeMux()
	for _, r := range m.routes() {
		mux.HandleFunc(r.method+" "+r.path, r.serve)
	}
	return readFirst(mux)
}

func (m *Manager) stop(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "stopping")
	m.shutdown()
}

func redirectMetrics(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/metrics/json", http.StatusMovedPermanently)
}
