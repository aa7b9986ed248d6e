// Package builtin is the supervisor that needs nothing installed. It reads the
// configuration file of package supervisor, runs the programs in it and serves
// supervisord's XML-RPC interface, so that the manager and supervisorctl cannot
// tell it from the real one, except where it is better on purpose:
//
//   - a program that ends is started again at once, not at the next second; only
//     repeated failures are delayed, with a bounded delay that uptime forgives;
//   - children are killed by the kernel when the supervisor dies;
//   - child output is passed on line by line, labelled, and never blocks a child.
//
// All state belongs to one goroutine, the loop, which is locked to its thread:
// the kernel ties the life of a child to the thread that forked it. Everything
// else - timers, RPC handlers, signals - sends it functions to run.
package builtin
