package xmlrpc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"knot-resolver/internal/limits"
)

// DecodeCall parses a method call document.
func DecodeCall(doc []byte) (method string, params []any, err error) {
	p := newParser(doc)
	if err := p.open("methodCall"); err != nil {
		return "", nil, p.failed("call", err)
	}
	if method, err = p.textElement("methodName"); err != nil {
		return "", nil, p.failed("call", err)
	}
	if params, err = p.params(); err != nil {
		return "", nil, p.failed("call "+method, err)
	}
	return strings.TrimSpace(method), params, nil
}

// DecodeResponse parses a response document. A fault response is returned as an
// error of type *Fault.
func DecodeResponse(doc []byte) (any, error) {
	p := newParser(doc)
	if err := p.open("methodResponse"); err != nil {
		return nil, p.failed("response", err)
	}
	kind, err := p.next()
	if err != nil {
		return nil, p.failed("response", err)
	}
	if kind == "fault" {
		return nil, p.fault()
	}
	if kind != "params" {
		return nil, p.failed("response", unexpected(kind, "params or fault"))
	}
	if err := p.open("param"); err != nil {
		return nil, p.failed("response", err)
	}
	value, err := p.value(0)
	if err == nil {
		err = p.close("param", "params", "methodResponse")
	}
	if err != nil {
		return nil, p.failed("response", err)
	}
	return value, nil
}

// parser walks the XML tokens of one document, skipping what carries no meaning.
type parser struct{ dec *xml.Decoder }

func newParser(doc []byte) *parser { return &parser{xml.NewDecoder(bytes.NewReader(doc))} }

func (p *parser) failed(what string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("parse XML-RPC %s: byte %d: %w", what, p.dec.InputOffset(), err)
}

func unexpected(got, want string) error { return fmt.Errorf("found <%s>, expected %s", got, want) }

// next returns the name of the next element opened, "/name" of the next closed.
// Text between elements must be white space.
func (p *parser) next() (string, error) {
	for {
		tok, err := p.dec.Token()
		if err != nil {
			return "", err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			return t.Name.Local, nil
		case xml.EndElement:
			return "/" + t.Name.Local, nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return "", errors.New("text between elements")
			}
		}
	}
}

func (p *parser) open(name string) error {
	got, err := p.next()
	if err == nil && got != name {
		err = unexpected(got, "<"+name+">")
	}
	return err
}

func (p *parser) close(names ...string) error {
	for _, name := range names {
		if err := p.open("/" + name); err != nil {
			return err
		}
	}
	return nil
}

// text returns the character data up to the end of the current element.
func (p *parser) text() (string, error) {
	var b strings.Builder
	for {
		tok, err := p.dec.Token()
		if err != nil {
			return "", err
		}
		switch t := tok.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			return b.String(), nil
		case xml.StartElement:
			return "", unexpected(t.Name.Local, "text")
		}
	}
}

func (p *parser) textElement(name string) (string, error) {
	if err := p.open(name); err != nil {
		return "", err
	}
	return p.text()
}

// params reads the optional parameter list and the end of the call.
func (p *parser) params() ([]any, error) {
	got, err := p.next()
	if err != nil || got == "/methodCall" {
		return nil, err
	}
	if got != "params" {
		return nil, unexpected(got, "<params>")
	}
	var params []any
	for {
		if got, err = p.next(); err != nil {
			return nil, err
		}
		if got == "/params" {
			return params, p.close("methodCall")
		}
		if got != "param" {
			return nil, unexpected(got, "<param>")
		}
		value, err := p.value(0)
		if err == nil {
			err = p.close("param")
		}
		if err != nil {
			return nil, err
		}
		params = append(params, value)
	}
}

func (p *parser) fault() error {
	value, err := p.value(0)
	if err == nil {
		err = p.close("fault", "methodResponse")
	}
	if err != nil {
		return p.failed("fault", err)
	}
	members, _ := value.(map[string]any)
	code, okCode := members["faultCode"].(int)
	text, okText := members["faultString"].(string)
	if !okCode || !okText {
		return p.failed("fault", errors.New("faultCode or faultString missing"))
	}
	return &Fault{Code: code, Text: text}
}

// value reads one <value> element.
func (p *parser) value(depth int) (any, error) {
	if err := p.open("value"); err != nil {
		return nil, err
	}
	return p.valueBody(depth)
}

// valueBody reads the rest of a <value> element that is already open. Text
// without a type element is a string.
func (p *parser) valueBody(depth int) (any, error) {
	if depth > limits.SupervisorRPCDepth {
		return nil, fmt.Errorf("values nested deeper than %d", limits.SupervisorRPCDepth)
	}
	var bare strings.Builder
	for {
		tok, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		switch t := tok.(type) {
		case xml.CharData:
			bare.Write(t)
		case xml.EndElement:
			return bare.String(), nil
		case xml.StartElement:
			value, err := p.typed(t.Name.Local, depth)
			if err != nil {
				return nil, err
			}
			return value, p.close("value")
		}
	}
}

func (p *parser) typed(kind string, depth int) (any, error) {
	switch kind {
	case "array":
		return p.array(depth)
	case "struct":
		return p.members(depth)
	case "string", "int", "i4", "i8", "boolean":
	default:
		return nil, unexpected(kind, "a known type")
	}
	text, err := p.text()
	if err != nil || kind == "string" {
		return text, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	if kind != "boolean" {
		return n, nil
	}
	if n != 0 && n != 1 {
		return nil, fmt.Errorf("boolean %d", n)
	}
	return n == 1, nil
}

func (p *parser) array(depth int) (any, error) {
	if err := p.open("data"); err != nil {
		return nil, err
	}
	list := []any{}
	for {
		got, err := p.next()
		if err != nil {
			return nil, err
		}
		if got == "/data" {
			return list, p.close("array")
		}
		if got != "value" {
			return nil, unexpected(got, "<value>")
		}
		item, err := p.valueBody(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
}

func (p *parser) members(depth int) (any, error) {
	members := map[string]any{}
	for {
		got, err := p.next()
		if err != nil {
			return nil, err
		}
		if got == "/struct" {
			return members, nil
		}
		if got != "member" {
			return nil, unexpected(got, "<member>")
		}
		name, err := p.textElement("name")
		if err != nil {
			return nil, err
		}
		value, err := p.value(depth + 1)
		if err == nil {
			err = p.close("member")
		}
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", name, err)
		}
		members[name] = value
	}
}
