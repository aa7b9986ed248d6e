package manager

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// request asks the API directly.
func request(m *Manager, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	m.api().ServeHTTP(w, r)
	return w
}

func TestAPI(t *testing.T) {
	w := newWorld(t)
	w.configure(2, "")
	m, _ := w.manager()
	tag := request(m, "GET", "/v1/config", "").Header().Get("ETag")
	tests := []struct {
		method, path, body string
		status             int
		answer             string // part of it
	}{
		{"GET", "/", "", 200, `"status":"RUNNING"`},
		{"GET", "/nonsense", "", 404, ""},
		{"POST", "/metrics/json", "", 405, ""},
		{"GET", "/v1/config", "", 200, `"workers":2`},
		{"GET", "/v1/config/", "", 200, `"workers":2`},
		{"GET", "/v1/config/network/listen/0/port", "", 200, "5300"},
		{"HEAD", "/v1/config", "", 200, ""},
		{"GET", "/v1/config/network/listen/1", "", 404, "/network/listen/1"},
		{"GET", "/v1/config/workers/x", "", 404, "/workers/x"},
		{"GET", "/metrics", "", 301, ""},
		{"GET", "/metrics/json", "", 200, `{"kresd:kresd0":{"answer":{"total":3}},"kresd:kresd1":{"answer":{"total":3}}}`},
		{"GET", "/metrics/prometheus", "", 200, `resolver_answer_total{instance_id="kresd:kresd1"} 3`},
		{"GET", "/processes", "", 200, `"type":"GC"`},
		{"GET", "/processes/kresd", "", 200, `{"type":"KRESD","pid":1,"status":"RUNNING"}`},
		{"GET", "/processes/dogs", "", 400, "dogs"},
		{"GET", "/explain?name=a.&type=MX", "", 200, `"a. MX"`},
		{"GET", "/explain?name=a.", "", 200, `"a. A"`},
		{"GET", "/explain", "", 400, "name"},
		{"GET", "/policy/test?name=a.&client=::1&proto=dot", "", 200, `{"Name":"a.","Type":"","Client":"::1","Protocol":"dot"}`},
		{"GET", "/policy/test", "", 400, "name"},
		{"POST", "/cache/clear", "", 200, `{"count":7}`},
		{"POST", "/cache/clear", "{}", 200, `{"count":7}`},
		{"POST", "/cache/clear", `{"name"`, 400, ""},
		{"POST", "/cache/clear", `{} {}`, 400, ""},
		{"POST", "/cache/clear", `{"nmae":"a."}`, 400, "nmae"},
		{"POST", "/cache/clear", `{"name":"a.","rr-type":"A"}`, 400, "exact-name"},
		{"POST", "/cache/clear", `{"chunk-size":-1}`, 400, "chunk-size"},
		{"GET", "/schema", "", 200, `"properties"`},
		{"GET", "/schema/ui", "", 200, "<b>garbage-collector</b>"},
		{"POST", "/reload", "", 200, ""},
	}
	for _, test := range tests {
		r := request(m, test.method, test.path, test.body)
		if r.Code != test.status || !strings.Contains(r.Body.String(), test.answer) {
			t.Errorf("%s %s %s: %d %s", test.method, test.path, test.body, r.Code, r.Body)
		}
	}

	if r := request(m, "GET", "/v1/config/workers", "", "If-None-Match", tag); r.Code != http.StatusNotModified || r.Body.Len() > 0 {
		t.Errorf("unchanged: %d %s", r.Code, r.Body)
	}
	if r := request(m, "GET", "/v1/config/workers", "", "If-Match", `"else"`); r.Code != http.StatusPreconditionFailed {
		t.Errorf("changed: %d %s", r.Code, r.Body)
	}
	w.takeEvents()
	request(m, "POST", "/cache/clear", "")
	if events := w.takeEvents(); !slices.Equal(events, []string{
		"forget kresd:kresd0", "forget kresd:kresd1", "clear kresd:kresd0", "forget kresd:kresd0", "forget kresd:kresd1",
	}) {
		t.Errorf("clearing the cache: %q", events)
	}
	w.configure(3, "")
	w.fails = func(p string, _ uint64, step string) error {
		if step == "selftest" {
			return errors.New("scripted failure")
		}
		return nil
	}
	if r := request(m, "POST", "/reload", ""); r.Code != 500 || !strings.Contains(r.Body.String(), "scripted failure") {
		t.Errorf("canary fails: %d %s", r.Code, r.Body)
	}
	w.configure(3, "optoins: {}\ncahce: {}")
	if r := request(m, "POST", "/reload", ""); r.Code != 400 || !strings.Contains(r.Body.String(), "optoins") || !strings.Contains(r.Body.String(), "cahce") {
		t.Errorf("wrong file: %d %s", r.Code, r.Body)
	}
	if now := request(m, "GET", "/v1/config", "").Header().Get("ETag"); now != tag {
		t.Errorf("ETag %s became %s", tag, now)
	}
}
