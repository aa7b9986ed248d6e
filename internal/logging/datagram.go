package logging

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"knot-resolver/internal/limits"
)

// Sockets of the machine's log.
const (
	journalSocket = "/run/systemd/journal/socket"
	syslogSocket  = "/dev/log"
)

// facility is "daemon" (RFC 5424 section 6.2.1).
const facility = 3

// datagrams sends to the journal in its own protocol where there is one, else to syslog; where neither
// is there lines go to the standard output.
type datagrams struct {
	options  *Options
	pid      int
	fallback target

	conn    *net.UnixConn // nil = not connected
	journal bool          // conn leads to the journal
}

func (d *datagrams) write(e *entry) error {
	for range 2 { // the daemon may have been restarted
		if d.conn == nil && !d.dial() {
			return d.fallback.write(e)
		}
		format := syslogMessage
		if d.journal {
			format = journalMessage
		}
		d.conn.SetWriteDeadline(time.Now().Add(limits.LogPatience))
		_, err := d.conn.Write(format(e, d.options.Process, d.pid))
		if err == nil {
			return nil
		}
		if os.IsTimeout(err) {
			return err
		}
		d.close()
	}
	return d.fallback.write(e)
}

func (d *datagrams) dial() bool {
	journal, syslog := d.options.Journal, d.options.Syslog
	if journal == "" {
		journal = journalSocket
	}
	if syslog == "" {
		syslog = syslogSocket
	}
	for _, path := range []string{journal, syslog} {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
		if err == nil {
			d.conn, d.journal = conn, path == journal
			return true
		}
	}
	return false
}

func (d *datagrams) close() {
	if d.conn != nil {
		d.conn.Close()
		d.conn = nil
	}
}

// syslogMessage is what local daemons expect (RFC 3164 section 4.1 without the host).
func syslogMessage(e *entry, process string, pid int) []byte {
	_, number := severity(e.level)
	return fmt.Appendf(nil, "<%d>%s %s[%d]: %s: %s", facility<<3|number, time.Now().Format(time.Stamp), process, pid, e.group, e.text)
}

// journalMessage is in the native protocol of the journal (systemd.io/JOURNAL_NATIVE_PROTOCOL).
func journalMessage(e *entry, process string, pid int) []byte {
	_, number := severity(e.level)
	var b []byte
	b = field(b, "MESSAGE", e.group+": "+e.text)
	b = field(b, "PRIORITY", strconv.Itoa(number))
	b = field(b, "SYSLOG_FACILITY", strconv.Itoa(facility))
	b = field(b, "SYSLOG_IDENTIFIER", process)
	b = field(b, "SYSLOG_PID", strconv.Itoa(pid))
	b = field(b, "KNOT_RESOLVER_GROUP", e.group)
	if e.pc != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{e.pc}).Next()
		b = field(b, "CODE_FILE", frame.File)
		b = field(b, "CODE_LINE", strconv.Itoa(frame.Line))
		b = field(b, "CODE_FUNC", frame.Function)
	}
	return b
}

// field appends one field; a value of several lines is written with its length.
func field(b []byte, name, value string) []byte {
	b = append(b, name...)
	if !strings.Contains(value, "\n") {
		b = append(append(b, '='), value...)
		return append(b, '\n')
	}
	b = append(b, '\n')
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	return append(append(b, value...), '\n')
}
