package kresctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

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

// block removes the flow style and the quotes that come from JSON, the latter
// only where YAML 1.1, too, sees a string without them.
func block(n *yaml.Node) {
	n.Style = 0
	if n.Tag == "!!str" && !isPlain(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		block(c)
	}
}

// isPlain reports whether text is a string in every version of YAML.
func isPlain(text string) bool {
	switch strings.ToLower(text) {
	case "", "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	for i := range len(text) {
		c := text[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '/' || c == '_'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789.-@", rune(c))) {
			return false
		}
	}
	return true
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
