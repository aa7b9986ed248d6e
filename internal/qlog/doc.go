// Package qlog tells a receiver of every query and answer, in dnstap format (dnstap.info) over a frame
// stream on a Unix socket.
//
// Whoever answers clients never waits for the receiver: messages go into a bounded queue, and are dropped
// and counted when it is full. A receiver that is not there is looked for again and again.
package qlog
