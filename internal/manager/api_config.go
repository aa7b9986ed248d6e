package manager

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

// pointerOf is the JSON pointer in the path of a request; a slash at its end is ignored.
func pointerOf(r *http.Request) string {
	return strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/config"), "/")
}

// getConfig answers with a part of the user's tree. The ETag is that of the
// whole tree.
func (m *Manager) getConfig(w http.ResponseWriter, r *http.Request) {
	doc := m.live.Load().valid.Document()
	tag := etag(doc.JSON())
	w.Header().Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if err := expected(r, tag); err != nil {
		writeError(w, err)
		return
	}
	pointer := pointerOf(r)
	value := doc.JSONAt(pointer)
	if value == nil {
		writeError(w, fmt.Errorf("%w %s", errNothingThere, pointer))
		return
	}
	w.Header().Set("Content-Type", asJSON)
	w.Write(value)
}

func (m *Manager) putConfig(w http.ResponseWriter, r *http.Request) {
	pointer := pointerOf(r)
	body, err := readBody(r)
	if err == nil && pointer != "" {
		body, err = config.ParseValue(body, bodyName)
	}
	m.edit(w, r, put(pointer, body), err)
}

func (m *Manager) deleteConfig(w http.ResponseWriter, r *http.Request) {
	m.edit(w, r, remove(pointerOf(r)), nil)
}

func (m *Manager) patchConfig(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err == nil {
		body, err = config.ParseValue(body, bodyName)
	}
	m.edit(w, r, patch(pointerOf(r), body), err)
}

// edit puts an edited configuration in force, unless err says that there is
// nothing to do.
func (m *Manager) edit(w http.ResponseWriter, r *http.Request, e edit, err error) {
	if err == nil {
		err = m.transact(r.Context(), r.Method+" "+r.URL.Path, asNeeded, func(old *current) (*current, error) {
			return m.edited(r, e, old)
		})
	}
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("ETag", etag(m.live.Load().Raw))
}

// edited makes the next version by editing the one in force.
func (m *Manager) edited(r *http.Request, e edit, old *current) (*current, error) {
	if err := unchanged(r, etag(old.Raw)); err != nil {
		return nil, err
	}
	before := old.valid.Document()
	text, err := e(before)
	if err != nil {
		return nil, err
	}
	var next *current
	doc, err := config.Parse(text, bodyName)
	if err == nil {
		next, err = m.check(doc.WithBase(before.Base()), old.Number+1)
	}
	var wrong config.Errors
	if errors.As(err, &wrong) && (r.Method != http.MethodPut || pointerOf(r) != "") {
		return nil, wrong.WithoutPlaces() // nobody has written the text
	}
	return next, err
}

// unchanged checks the preconditions of a change (RFC 9110 section 13.2).
func unchanged(r *http.Request, tag string) error {
	if matches(r.Header.Values("If-None-Match"), tag) {
		return fmt.Errorf("%w: its ETag is %s", errPrecondition, tag)
	}
	return expected(r, tag)
}

func expected(r *http.Request, tag string) error {
	if lines := r.Header.Values("If-Match"); lines != nil && !matches(lines, tag) {
		return fmt.Errorf("%w: its ETag is %s", errPrecondition, tag)
	}
	return nil
}

// bodyName is how errors call the body of a request.
const bodyName = "request body"

// readBody returns the body of a request that carries JSON or YAML.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	yaml, err := isYAML(r)
	if err != nil || yaml {
		return body, err
	}
	var value json.RawMessage
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, &control.BadRequest{Err: fmt.Errorf("%s: not valid JSON: %w", bodyName, err)}
	}
	return body, nil
}

// isYAML tells YAML from JSON by the content type, and refuses all others: among them
// are those that a browser sends to other sites without asking these first.
func isYAML(r *http.Request) (bool, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml":
		return true, nil
	case "", asJSON, "application/json-patch+json", "application/octet-stream":
		return false, nil
	}
	return false, fmt.Errorf("%w: %s; expected application/json or application/yaml", errMediaType, kind)
}

// etagBytes is the length of the digest in an ETag (manager.md section 9.1).
const etagBytes = 15

func etag(raw []byte) string {
	sum := sha256.Sum256(raw)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:etagBytes]) + `"`
}

// matches looks for tag in header lines, which may be lists or "*".
func matches(lines []string, tag string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if item = strings.TrimSpace(item); item == tag || item == "*" || `"`+item+`"` == tag {
				return true
			}
		}
	}
	return false
}

// getSchema answers with the JSON schema of the configuration.
func getSchema(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Write(config.JSONSchema())
}
