package config

import (
	"bytes"
	"encoding/json"
)

// schemaID identifies the JSON schema of this version.
const schemaID = "https://www.knot-resolver.cz/documentation/_static/config.schema.json"

// JSONSchema describes the configuration as a JSON Schema (draft 2020-12), for
// editors and other programs. It checks less than [Document.Validate].
func JSONSchema() []byte {
	root := schemaTree().objectSchema()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = schemaID
	root["title"] = "Knot Resolver configuration"
	root["description"] = "Declarative configuration of the resolver, written in YAML or JSON."
	return encodeSchema(root)
}

func encodeSchema(schema jsonObject) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		panic("BUG: the JSON schema does not marshal: " + err.Error())
	}
	return b.Bytes()
}

// objectSchema describes the section as a mapping.
func (b *branch) objectSchema() jsonObject {
	properties := jsonObject{}
	var required []string
	for _, k := range b.kids {
		properties[k.name] = k.schema()
		if k.Required {
			required = append(required, k.name)
		}
	}
	object := jsonObject{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		object["required"] = required
	}
	return object
}

// schema describes the option or section at the branch.
func (b *branch) schema() jsonObject {
	var s jsonObject
	switch {
	case b.Type != nil:
		s = b.Type.schema()
	case b.list:
		item := b.objectSchema()
		if b.shorthand != "" {
			item = jsonObject{"anyOf": []jsonObject{b.kid(b.shorthand).Type.schema(), item}}
		}
		s = jsonObject{"type": "array", "items": item, "minItems": 1}
	default:
		s = b.objectSchema()
	}
	optional := b.Default == "" && !b.Required && (b.Type != nil || b.list)
	if optional {
		s = jsonObject{"anyOf": []jsonObject{s, {"type": "null"}}}
	}
	s["description"] = b.Doc
	if b.def != nil {
		s["default"] = json.RawMessage(b.def.appendJSON(nil))
	}
	if b.Status == NotYet {
		s["$comment"] = NotYet.String()
	} else if b.Ours {
		s["$comment"] = "addition to the original"
	}
	return s
}
