package manager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// edit is a change of the user's tree: it makes a new one of the old, both JSON.
type edit func(old *config.Document) ([]byte, error)

// Errors of edits.
var (
	errNothingThere = errors.New("nothing is configured at")
	errConflict     = errors.New("the change does not fit the configuration")
)

// put sets the value at a pointer. What is above has to be there; the list index
// "-" appends (RFC 6901 section 4).
func put(pointer string, value []byte) edit {
	return func(old *config.Document) ([]byte, error) {
		if pointer == "" {
			return value, nil
		}
		op := "add" // which replaces the value of a key
		parent := old.JSONAt(pointer[:strings.LastIndexByte(pointer, '/')])
		if bytes.HasPrefix(parent, []byte("[")) && !strings.HasSuffix(pointer, "/-") {
			op = "replace"
		}
		return run(old, operation{Op: op, Path: &pointer, Value: value})
	}
}

// remove deletes the value at a pointer.
func remove(pointer string) edit {
	return func(old *config.Document) ([]byte, error) {
		switch {
		case pointer == "":
			return []byte("{}"), nil
		case old.JSONAt(pointer) == nil:
			return nil, fmt.Errorf("%w %s", errNothingThere, pointer)
		}
		return run(old, operation{Op: "remove", Path: &pointer})
	}
}

// operation is one step of a JSON Patch (RFC 6902 section 4).
type operation struct {
	Op    string          `json:"op"`
	Path  *string         `json:"path,omitempty"`
	From  *string         `json:"from,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// patch applies a JSON Patch whose pointers start at the value of a pointer.
func patch(pointer string, text []byte) edit {
	return func(old *config.Document) ([]byte, error) {
		var steps []operation
		if err := json.Unmarshal(text, &steps); err != nil {
			return nil, &control.BadRequest{Err: fmt.Errorf("not a JSON Patch: %w", err)}
		}
		for i := range steps {
			if err := steps[i].check(); err != nil {
				return nil, &control.BadRequest{Err: fmt.Errorf("operation %d of the JSON Patch: %w", i, err)}
			}
			steps[i].below(pointer)
		}
		return run(old, steps...)
	}
}

// check finds what makes an operation meaningless for any document.
func (o *operation) check() error {
	switch {
	case !slices.Contains([]string{"add", "remove", "replace", "move", "copy", "test"}, o.Op):
		return fmt.Errorf("op is %q; expected add, remove, replace, move, copy or test", o.Op)
	case !isPointer(o.Path):
		return errors.New("path is not a JSON pointer")
	case (o.Op == "move" || o.Op == "copy") && !isPointer(o.From):
		return errors.New("from is not a JSON pointer")
	case (o.Op == "add" || o.Op == "replace" || o.Op == "test") && o.Value == nil:
		return fmt.Errorf("%s without a value", o.Op)
	}
	return nil
}

func isPointer(p *string) bool { return p != nil && (*p == "" || strings.HasPrefix(*p, "/")) }

// below makes the pointers of the operation start at another one.
func (o *operation) below(pointer string) {
	for _, p := range []*string{o.Path, o.From} {
		if p != nil {
			*p = pointer + *p
		}
	}
}

// run applies operations that have been checked.
func run(old *config.Document, steps ...operation) ([]byte, error) {
	text, err := json.Marshal(steps)
	if err != nil {
		return nil, &control.BadRequest{Err: err}
	}
	decoded, err := jsonpatch.DecodePatch(text)
	if err != nil {
		return nil, &control.BadRequest{Err: err}
	}
	result, err := decoded.ApplyWithOptions(old.JSON(), &jsonpatch.ApplyOptions{AccumulatedCopySizeLimit: limits.APIPatchCopies})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errConflict, err)
	}
	return result, nil
}
