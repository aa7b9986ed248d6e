package kresctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"
)

// indent of JSON and YAML output, in spaces.
const indent = 4

// format is the choice between JSON and YAML.
type format struct{ json, yaml bool }

func (f *format) flags(c *cobra.Command, fallback string) {
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().BoolVar(&f.yaml, "yaml", false, "print YAML")
	c.Long = c.Short + ". The output is " + fallback + " by default."
}

// asJSON lays out JSON text for people.
func asJSON(text []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(text), "", "    "); err != nil {
		return nil, fmt.Errorf("answer of the manager: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// asYAML turns JSON text into YAML, keys in the same order.
func asYAML(text []byte) ([]byte, error) {
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("answer of the manager: %w", err)
	}
	block(&tree)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(indent)
	if err := e.Encode(&tree); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// block removes the flow style and the quotes that come from JSON; the encoder
// quotes again what needs it.
func block(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		block(c)
	}
}

// deliver prints text, or writes it to the file that args name.
func (t *Tool) deliver(text []byte, args []string) error {
	if len(args) == 0 {
		_, err := t.Stdout.Write(text)
		return err
	}
	if err := os.WriteFile(args[0], text, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(t.Stdout, "written to %s\n", args[0])
	return nil
}
