//go:build !race

package attack

// slow is by how much the tests take longer than usual.
const slow = 1
