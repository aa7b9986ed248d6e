package manager

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"knot-resolver/internal/config"
)

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
	if expected := r.Header.Values("If-Match"); expected != nil && !matches(expected, tag) {
		http.Error(w, "the configuration has changed, its ETag is "+tag, http.StatusPreconditionFailed)
		return
	}
	pointer := strings.TrimPrefix(r.URL.Path, "/v1/config")
	value := doc.JSONAt(pointer)
	if value == nil {
		http.Error(w, "nothing is configured at "+pointer, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(value)
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
