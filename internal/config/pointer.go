package config

import (
	"strconv"
	"strings"
)

var (
	pointerEscape   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// join appends a key to a JSON pointer (RFC 6901).
func join(pointer, key string) string {
	return pointer + "/" + pointerEscape.Replace(key)
}

// joinIndex appends a list index to a JSON pointer.
func joinIndex(pointer string, i int) string {
	return pointer + "/" + strconv.Itoa(i)
}

// find walks a JSON pointer down the raw tree; nil when it leads nowhere. A
// single trailing slash is ignored, so "/" is the whole tree.
func (n *node) find(pointer string) *node {
	pointer = strings.TrimSuffix(pointer, "/")
	for n != nil && pointer != "" {
		rest, ok := strings.CutPrefix(pointer, "/")
		if !ok {
			return nil
		}
		token, _, _ := strings.Cut(rest, "/")
		pointer = rest[len(token):]
		n = n.step(pointerUnescape.Replace(token))
	}
	return n
}

func (n *node) step(token string) *node {
	switch n.kind {
	case kindMap:
		return n.child(token)
	case kindList:
		i, err := strconv.Atoi(token)
		if err != nil || i < 0 || i >= len(n.items) || strconv.Itoa(i) != token {
			return nil
		}
		return n.items[i]
	}
	return nil
}
