package kresctl

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"knot-resolver/internal/config"
	"knot-resolver/internal/migrate"
)

func (t *Tool) migrateCommand() *cobra.Command {
	var f format
	c := &cobra.Command{
		Use: "migrate INPUT [OUTPUT]", Short: "Bring the configuration of an older version to the present options", Args: wrongArgs(cobra.RangeArgs(1, 2)),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			if _, err := config.Parse(text, args[0]); err != nil { // says where, and refuses keys given twice
				return err
			}
			var doc yaml.Node
			if err := yaml.Unmarshal(text, &doc); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if doc.Kind == 0 { // an empty file
				doc = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			}
			changes, err := migrate.Do(&doc)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			for _, change := range changes {
				fmt.Fprintln(t.Stdout, change)
			}
			result, err := f.document(&doc)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				fmt.Fprintf(t.Stdout, "\nconfiguration for version %s\n---\n", t.Version)
			}
			return t.deliver(result, args[1:])
		},
	}
	f.flags(c, "YAML")
	return c
}

// document prints a document that people have written.
func (f *format) document(doc *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(indent)
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil || !f.json {
		return b.Bytes(), err
	}
	parsed, err := config.Parse(b.Bytes(), "migrated configuration")
	if err != nil {
		return nil, err
	}
	return asJSON(parsed.JSON())
}
