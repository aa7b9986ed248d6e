// Package xmlrpc encodes and decodes the subset of XML-RPC that supervisord
// speaks: calls, responses and faults made of strings, integers, booleans,
// arrays and structs.
//
// Values are represented by Go's string, int, bool, []any and map[string]any.
// A double, a date or base64 data is an error: the supervisor's API has none.
package xmlrpc

import "fmt"

// Fault is the error response of a call.
type Fault struct {
	Code int    // supervisord's fault code, e.g. 10 for BAD_NAME
	Text string // e.g. "BAD_NAME: kresd:kresd9"
}

// Error returns code and text in one line.
func (f *Fault) Error() string { return fmt.Sprintf("fault %d: %s", f.Code, f.Text) }
