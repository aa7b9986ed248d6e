package xmlrpc

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

// listing is a response as supervisord 4.2.5 formats it.
const listing = `<?xml version='1.0'?>
<methodResponse>
<params>
<param>
<value><array><data>
<value><struct>
<member>
<name>name</name>
<value><string>kresd0</string></value>
</member>
<member>
<name>pid</name>
<value><int>42</int></value>
</member>
</struct></value>
</data></array></value>
</param>
</params>
</methodResponse>
`

func TestDecodeResponse(t *testing.T) {
	got, err := DecodeResponse([]byte(listing))
	if err != nil {
		t.Fatal(err)
	}
	want := []any{map[string]any{"name": "kresd0", "pid": 42}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestCallRoundTrip(t *testing.T) {
	params := []any{"a<b>&\"c\" é", -7, true, []any{}, map[string]any{"x": []any{"", false}}}
	doc, err := EncodeCall("supervisor.startProcess", params...)
	if err != nil {
		t.Fatal(err)
	}
	method, got, err := DecodeCall(doc)
	if err != nil {
		t.Fatal(err)
	}
	if method != "supervisor.startProcess" || !reflect.DeepEqual(got, params) {
		t.Errorf("got %s %#v, want %#v", method, got, params)
	}
}

func TestFaultRoundTrip(t *testing.T) {
	_, err := DecodeResponse(EncodeFault(&Fault{Code: 10, Text: "BAD_NAME: x"}))
	var fault *Fault
	if !errors.As(err, &fault) || *fault != (Fault{10, "BAD_NAME: x"}) {
		t.Errorf("got %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("<value><array><data>", 100)
	tests := map[string]string{
		"empty":          "",
		"wrong root":     "<html></html>",
		"cut":            listing[:200],
		"unknown type":   "<methodResponse><params><param><value><double>1</double></value></param></params></methodResponse>",
		"bad int":        "<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>",
		"bad boolean":    "<methodResponse><params><param><value><boolean>2</boolean></value></param></params></methodResponse>",
		"too deep":       "<methodResponse><params><param>" + deep,
		"fault no code":  "<methodResponse><fault><value><struct></struct></value></fault></methodResponse>",
		"stray text":     "<methodResponse>hello</methodResponse>",
		"two values":     "<methodResponse><params><param><value>a</value><value>b</value></param></params></methodResponse>",
		"unknown entity": "<methodResponse><params><param><value>&x;</value></param></params></methodResponse>",
	}
	for name, doc := range tests {
		t.Run(name, func(t *testing.T) {
			if v, err := DecodeResponse([]byte(doc)); err == nil {
				t.Errorf("accepted as %#v", v)
			}
		})
	}
}

func TestEncodeRefusesUnknownType(t *testing.T) {
	if _, err := EncodeResponse(1.5); err == nil {
		t.Error("a float was encoded")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(listing))
	f.Add(EncodeFault(&Fault{Code: 70, Text: "NOT_RUNNING"}))
	call, _ := EncodeCall("supervisor.stopProcess", "kresd:kresd0", true)
	f.Add(call)
	f.Add([]byte("<methodResponse><params><param><value>bare</value></param></params></methodResponse>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if method, params, err := DecodeCall(doc); err == nil {
			again, err := EncodeCall(method, params...)
			if err != nil {
				t.Fatalf("decoded call does not encode: %v", err)
			}
			if _, p2, err := DecodeCall(again); err != nil || !reflect.DeepEqual(params, p2) {
				t.Fatalf("round trip: %#v, %#v, %v", params, p2, err)
			}
		}
		if v, err := DecodeResponse(doc); err == nil {
			if _, err := EncodeResponse(v); err != nil {
				t.Fatalf("decoded response does not encode: %v", err)
			}
		}
	})
}
