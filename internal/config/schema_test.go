package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestDefaults compares the table with the defaults of the original, written
// down independently; "-" is unset.
func TestDefaults(t *testing.T) {
	want := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(originalDefaults), "\n") {
		path, def, _ := strings.Cut(line, " ")
		want[path] = def
	}
	leaves := 0
	for _, o := range Schema() {
		if o.Ours || o.Type == nil && o.Default == "" {
			continue
		}
		leaves++
		def := o.Default
		switch {
		case o.Required:
			def = "required"
		case def == "":
			def = "-"
		}
		if want[o.Path] != def {
			t.Errorf("%s: default %s, want %q", o.Path, def, want[o.Path])
		}
		delete(want, o.Path)
	}
	for path := range want {
		t.Errorf("%s is not in the schema", path)
	}
	t.Logf("%d options", leaves)
}

// TestSchemaIsComplete checks that each row says what it has to.
func TestSchemaIsComplete(t *testing.T) {
	for _, o := range Schema() {
		if o.Doc == "" || !strings.HasSuffix(o.Doc, ".") || strings.Contains(o.Doc, "\n") {
			t.Errorf("%s: the meaning is not one line that ends in a full stop: %q", o.Path, o.Doc)
		}
		if o.Class == classInherit || o.Status == statusInherit {
			t.Errorf("%s: class %v, status %v", o.Path, o.Class, o.Status)
		}
		if o.Type == nil {
			continue
		}
		for _, word := range o.Only {
			c := checker{}
			n := mustParse(t, "x: "+word).root.child("x")
			if o.Type.check(&c, "", n) == nil && o.Path != "logging/groups" {
				t.Errorf("%s: supported value %s is not valid: %v", o.Path, word, c.errs)
			}
		}
	}
}

// TestSupported checks which defaults may be written down although the option
// is not implemented.
func TestSupported(t *testing.T) {
	for text, refused := range map[string]bool{
		"options: {serve-stale: false}":              false,
		"options: {serve-stale: true}":               false,
		"options: {rebinding-protection: true}":      false,
		"options: {violators-workarounds: true}":     false,
		"dnssec: {sentinel: false}":                  false,
		"dnssec: {sentinel: true}":                   false,
		"network: {quic: {max-conns: 1024}}":         false,
		"network: {quic: {max-conns: 1025}}":         true,
		"network: {tls: {padding: true}}":            false,
		"network: {tls: {cert-file: null}}":          false,
		"dns64: {prefix: 64:FF9B::/96}":              false,
		"dns64: {prefix: '64:ff9c::/96'}":            false,
		"monitoring: {graphite: {interval: 5s}}":     false,
		"monitoring: {graphite: {interval: 5000ms}}": false,
		"views: null": false,
		"views: [{subnets: [::/0], answer: allow}]": false,
	} {
		_, err := mustParse(t, text).Validate(corpusOptionsQuiet())
		if got := err != nil && strings.Contains(err.Error(), "not supported yet"); got != refused {
			t.Errorf("%s: refused = %v (%v), want %v", text, got, err, refused)
		}
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource(schemaID, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(schemaID)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestJSONSchema checks the schema with an independent implementation: what we
// accept is accepted, and the usual mistakes are not.
func TestJSONSchema(t *testing.T) {
	schema := compileSchema(t)
	validate := func(doc *Document) error {
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc.JSON()))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(instance)
	}
	for _, file := range corpusFiles(t, "good") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := Parse(data, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(doc); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
	for _, text := range []string{
		"workers: 0", "workers: many", "unknown: 1", "options: {minimise: true}", "options: null", "cache: {size-max: 100}",
		"cache: {ttl-max: 1w}", "network: {listen: []}", "network: {listen: [{port: 0}]}", "forward: [{subtree: a}]",
		"logging: {groups: [cache, cache]}", "local-data: {addresses: {a: []}}",
	} {
		if err := validate(mustParse(t, text)); err == nil {
			t.Errorf("%s: accepted by the JSON schema", text)
		}
	}
}

// TestJSONSchemaDefaults checks that each default is shown.
func TestJSONSchemaDefaults(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Default    any
			Properties map[string]struct{ Default any }
		}
	}
	if err := json.Unmarshal(JSONSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	if d := schema.Properties["workers"].Default; d != 1.0 {
		t.Errorf("workers: %v", d)
	}
	if d := schema.Properties["cache"].Properties["storage"].Default; d != "/var/cache/knot-resolver" {
		t.Errorf("cache/storage: %v", d)
	}
	if d, ok := schema.Properties["network"].Properties["listen"].Default.([]any); !ok || len(d) != 2 {
		t.Errorf("network/listen: %v", d)
	}
}

func TestReference(t *testing.T) {
	text := string(Reference())
	for _, o := range Schema() {
		name := "`/" + o.Path + "`"
		if !strings.Contains(o.Path, "/") && o.Type == nil {
			name = "## /" + o.Path
		}
		if !strings.Contains(text, name) {
			t.Errorf("%s is missing", o.Path)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|")-strings.Count(line, `\|`) != 6 {
			t.Errorf("not five cells: %s", line)
		}
	}
}
