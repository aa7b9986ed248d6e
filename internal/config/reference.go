package config

import (
	"bytes"
	"fmt"
	"strings"
)

// Reference returns the documentation of every option, in Markdown.
func Reference() []byte {
	var b bytes.Buffer
	b.WriteString("# Configuration reference\n\n" +
		"Generated from the schema. `[]` marks a list; defaults are as if written in YAML, – means unset. " +
		"The last column says what a change at runtime costs: " +
		"`none` nothing, `policy` rules are compiled and reloaded, `worker` workers are replaced one after the other, " +
		"`manager` the manager changes something in itself, `collector` cache-gc is started anew, `restart` the service has to be restarted. " +
		"**Not supported yet**: refused unless it has its default. **Ours**: not in the original.\n")
	top := schemaTree()
	b.WriteString("\n## Top level\n\n" + referenceHeader)
	for _, k := range top.kids {
		if len(k.kids) == 0 {
			k.writeRow(&b)
		}
	}
	for _, k := range top.kids {
		if len(k.kids) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## /%s\n\n%s%s\n\n%s", k.Path, k.Doc, k.note(), referenceHeader)
		for _, below := range k.kids {
			below.writeRows(&b)
		}
	}
	return b.Bytes()
}

const referenceHeader = "| Option | Value | Default | Meaning | Change |\n|---|---|---|---|---|\n"

func (b *branch) writeRows(w *bytes.Buffer) {
	b.writeRow(w)
	for _, k := range b.kids {
		k.writeRows(w)
	}
}

func (b *branch) writeRow(w *bytes.Buffer) {
	value, def := "section", "–"
	if b.list {
		value = "list of sections"
	}
	if b.Type != nil {
		value = b.Type.String()
	}
	if b.Default != "" {
		def = "`" + b.Default + "`"
	}
	if b.Required {
		def = "required"
	}
	fmt.Fprintf(w, "| `/%s` | %s | %s | %s%s | %s |\n", b.Path, cell(value), cell(def), cell(b.Doc), cell(b.note()), b.Class)
}

// note says what is special about the option.
func (b *branch) note() string {
	switch {
	case b.Status == NotYet:
		return " **Not supported yet.**"
	case b.Only != nil:
		return " **Supported so far: " + strings.Join(b.Only, ", ") + ".**"
	case b.Ours:
		return " **Ours.**"
	}
	return ""
}

// cell escapes what would end a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
