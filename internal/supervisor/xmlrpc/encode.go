package xmlrpc

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

const header = "<?xml version='1.0'?>\n"

// EncodeCall returns the document of a method call. It fails when a parameter
// is of a type the protocol subset does not have.
func EncodeCall(method string, params ...any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(header + "<methodCall><methodName>")
	escape(&b, method)
	b.WriteString("</methodName><params>")
	for i, p := range params {
		b.WriteString("<param>")
		if err := encodeValue(&b, p); err != nil {
			return nil, fmt.Errorf("encode %s: parameter %d: %w", method, i+1, err)
		}
		b.WriteString("</param>")
	}
	b.WriteString("</params></methodCall>\n")
	return b.Bytes(), nil
}

// EncodeResponse returns the document of a successful response.
func EncodeResponse(result any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(header + "<methodResponse><params><param>")
	if err := encodeValue(&b, result); err != nil {
		return nil, fmt.Errorf("encode response: %w", err)
	}
	b.WriteString("</param></params></methodResponse>\n")
	return b.Bytes(), nil
}

// EncodeFault returns the document of a fault.
func EncodeFault(f *Fault) []byte {
	var b bytes.Buffer
	b.WriteString(header + "<methodResponse><fault>")
	// A map of an int and a string always encodes.
	_ = encodeValue(&b, map[string]any{"faultCode": f.Code, "faultString": f.Text})
	b.WriteString("</fault></methodResponse>\n")
	return b.Bytes()
}

func encodeValue(b *bytes.Buffer, v any) error {
	b.WriteString("<value>")
	defer b.WriteString("</value>")
	switch v := v.(type) {
	case string:
		b.WriteString("<string>")
		escape(b, v)
		b.WriteString("</string>")
	case int:
		b.WriteString("<int>" + strconv.Itoa(v) + "</int>")
	case bool:
		digit := "0"
		if v {
			digit = "1"
		}
		b.WriteString("<boolean>" + digit + "</boolean>")
	case []any:
		return encodeArray(b, v)
	case map[string]any:
		return encodeStruct(b, v)
	default:
		return fmt.Errorf("type %T has no XML-RPC form", v)
	}
	return nil
}

func encodeArray(b *bytes.Buffer, list []any) error {
	b.WriteString("<array><data>")
	for _, item := range list {
		if err := encodeValue(b, item); err != nil {
			return err
		}
	}
	b.WriteString("</data></array>")
	return nil
}

func encodeStruct(b *bytes.Buffer, members map[string]any) error {
	b.WriteString("<struct>")
	for _, name := range slices.Sorted(maps.Keys(members)) {
		b.WriteString("<member><name>")
		escape(b, name)
		b.WriteString("</name>")
		if err := encodeValue(b, members[name]); err != nil {
			return fmt.Errorf("member %s: %w", name, err)
		}
		b.WriteString("</member>")
	}
	b.WriteString("</struct>")
	return nil
}

// escape cannot fail: bytes.Buffer never refuses a write.
func escape(b *bytes.Buffer, s string) { _ = xml.EscapeText(b, []byte(s)) }
