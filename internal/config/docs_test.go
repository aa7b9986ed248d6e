package config

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDocs keeps the generated documents true: what is in docs/reference is what the schema table says.
func TestDocs(t *testing.T) {
	for name, content := range map[string][]byte{"configuration.md": Reference(), "schema.json": JSONSchema()} {
		path := filepath.Join("..", "..", "docs", "reference", name)
		if *rewrite {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil || string(have) != string(content) {
			t.Errorf("%s is not what the schema table says (%v): make docs", path, err)
		}
	}
}
