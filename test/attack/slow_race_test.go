//go:build race

package attack

// slow is by how much the tests take longer than usual: the race detector watches the arithmetic, too.
const slow = 20
