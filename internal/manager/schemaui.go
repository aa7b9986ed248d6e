package manager

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"sync"

	"knot-resolver/internal/config"
)

//go:embed schemaui.html
var schemaPage string

// option is as much of a JSON schema as people want to read.
type option struct {
	Type        any
	Description string
	Default     json.RawMessage
	Enum        []any
	Properties  map[string]option
	Items       *option
	AnyOf       []option
	OneOf       []option
}

// Below returns the options inside, those of list elements and of alternatives included.
func (o option) Below() map[string]option {
	all := map[string]option{}
	inside := slices.Concat(o.AnyOf, o.OneOf)
	if o.Items != nil {
		inside = append(inside, *o.Items)
	}
	for _, i := range inside {
		for name, child := range i.Below() {
			all[name] = child
		}
	}
	for name, child := range o.Properties {
		all[name] = child
	}
	return all
}

// Kind names the type, or the values there are.
func (o option) Kind() string {
	switch {
	case len(o.Enum) > 0:
		return fmt.Sprintf("one of %v", o.Enum)
	case o.Items != nil && o.Items.Type != nil:
		return fmt.Sprintf("array of %v", o.Items.Type)
	case o.Type != nil:
		return fmt.Sprint(o.Type)
	}
	var kinds string
	for i, a := range slices.Concat(o.AnyOf, o.OneOf) {
		if i > 0 {
			kinds += " or "
		}
		kinds += a.Kind()
	}
	return kinds
}

// renderSchema makes the page, once: the schema does not change.
var renderSchema = sync.OnceValues(func() ([]byte, error) {
	var root option
	if err := json.Unmarshal(config.JSONSchema(), &root); err != nil {
		return nil, err
	}
	page, err := template.New("").Parse(schemaPage)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, root)
	return out.Bytes(), err
})

// getSchemaPage shows the schema to people: without scripts, and nothing in it is from elsewhere.
func getSchemaPage(w http.ResponseWriter, _ *http.Request) {
	page, err := renderSchema()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.Write(page)
}
