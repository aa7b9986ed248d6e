package manager

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"knot-resolver/internal/control"
)

// object is a JSON object of the OpenAPI document.
type object map[string]any

// getOpenAPI answers with the description of the API (OpenAPI 3.1).
func (m *Manager) getOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	control.WriteJSON(w, openAPI(m.routes()), nil)
}

// openAPI describes routes.
func openAPI(routes []route) object {
	paths := map[string]object{}
	for _, r := range routes {
		path := openPath(r.path)
		if paths[path] == nil {
			paths[path] = object{}
		}
		paths[path][strings.ToLower(r.method)] = r.describe(path)
	}
	return object{
		"openapi": "3.1.0",
		"info":    object{"title": "Knot Resolver management API", "version": "1"},
		"paths":   paths,
	}
}

// wildcard is a part of a path that stands for a value.
var wildcard = regexp.MustCompile(`\{([a-z]+)(\.\.\.)?\}`)

// openPath is a pattern of [http.ServeMux] in the way of OpenAPI.
func openPath(pattern string) string {
	return wildcard.ReplaceAllString(strings.TrimSuffix(pattern, "{$}"), "{$1}")
}

// describe is the operation object of a route.
func (r *route) describe(path string) object {
	name := strings.Trim(wildcard.ReplaceAllString(strings.Trim(path, "/"), "$1"), "/")
	op := object{
		"summary":     r.summary,
		"operationId": strings.ToLower(r.method) + "-" + strings.NewReplacer("/", "-", ".", "-").Replace(name),
		"responses":   r.responses(),
	}
	if p := r.parameters(path); len(p) > 0 {
		op["parameters"] = p
	}
	if types := r.body.types(); types != nil {
		op["requestBody"] = object{"required": r.body != cacheBody, "content": types}
	}
	return op
}

func (r *route) responses() object {
	ok := object{"description": "Done."}
	if r.answer != "" {
		ok = object{"description": "The answer.", "content": object{r.answer: object{}}}
	}
	all := object{"200": ok}
	failures := append([]int{http.StatusInternalServerError}, r.failure...)
	if r.method != http.MethodGet {
		failures = append(failures, http.StatusBadRequest)
	}
	if r.body != noBody {
		failures = append(failures, http.StatusRequestEntityTooLarge)
	}
	for _, status := range failures {
		all[strconv.Itoa(status)] = object{"description": http.StatusText(status) + "; the text says why.", "content": object{asText: object{}}}
	}
	return all
}

// queries are the parameters behind the question mark, by path.
var queries = map[string][]object{
	"/explain": {
		{"name": "name", "in": "query", "required": true, "schema": object{"type": "string"}, "description": "Domain name."},
		{"name": "type", "in": "query", "schema": object{"type": "string", "default": "A"}, "description": "Record type."},
	},
	"/policy/test": {
		{"name": "name", "in": "query", "required": true, "schema": object{"type": "string"}, "description": "Domain name."},
		{"name": "type", "in": "query", "schema": object{"type": "string", "default": "A"}, "description": "Record type."},
		{"name": "client", "in": "query", "schema": object{"type": "string"}, "description": "Address of the client; somebody without a view by default."},
		{"name": "proto", "in": "query", "schema": object{"type": "string", "default": "udp53"}, "description": "udp53, tcp53, dot, doh or doq."},
	},
	"/v1/versions/{version}/diff": {
		{"name": "from", "in": "query", "schema": object{"type": "integer"}, "description": "Version to compare with; the one before by default."},
	},
}

func (r *route) parameters(path string) []object {
	list := append([]object(nil), queries[path]...)
	for _, found := range wildcard.FindAllStringSubmatch(path, -1) {
		list = append(list, object{"name": found[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	if strings.HasPrefix(path, "/v1/config") {
		for _, name := range []string{"If-Match", "If-None-Match"} {
			list = append(list, object{"name": name, "in": "header", "schema": object{"type": "string"}, "description": "ETag of the whole configuration."})
		}
	}
	return list
}

// types are the content types of a request.
func (b bodyKind) types() object {
	switch b {
	case valueBody:
		return object{asJSON: object{}, "application/yaml": object{}}
	case patchBody:
		steps := object{"schema": object{"type": "array", "items": object{"type": "object", "required": []string{"op", "path"}}}}
		return object{"application/json-patch+json": steps, asJSON: steps, "application/yaml": steps}
	case cacheBody:
		return object{asJSON: object{"schema": object{"type": "object", "properties": object{
			"name": object{"type": "string"}, "exact-name": object{"type": "boolean"},
			"rr-type": object{"type": "string"}, "chunk-size": object{"type": "integer", "minimum": 1},
		}}}}
	}
	return nil
}
