// Package logging writes the log of a process: as lines to a stream, to syslog, or to the journal.
//
// Whoever logs never waits: records go into a bounded queue, from which one goroutine writes them. What
// does not fit, because the reader of a pipe has stopped or the disk hangs, is dropped and counted. So
// that nothing is lost at an orderly end, a Log is closed then.
//
// Text from outside cannot forge lines or speak to a terminal: what is not printable is escaped.
package logging
