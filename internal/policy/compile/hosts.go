package compile

import (
	"bufio"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"

	"knot-resolver/internal/limits"
)

// hostsFile adds the names of a file in the format of hosts(5).
func (b *builder) hostsFile(s source, file string) []error {
	f, err := openRegular(file)
	if err != nil {
		return []error{&Error{Pointer: s.Pointer, File: file, Reason: plainReason(err)}}
	}
	defer f.Close()
	return b.hosts(s, file, f)
}

// hosts adds the names of a text: on each line an address and its names. Only the first name of a
// line is what the address is called (PTR).
func (b *builder) hosts(s source, file string, text io.Reader) (faults []error) {
	lines := bufio.NewScanner(text)
	number := 0
	for len(faults) < limits.HostsFileFaults && lines.Scan() {
		number++
		if err := b.hostsLine(s, lines.Text()); err != nil {
			err.Pointer, err.File, err.Line = s.Pointer, file, number
			faults = append(faults, err)
		}
	}
	if err := lines.Err(); err != nil {
		faults = append(faults, &Error{Pointer: s.Pointer, File: file, Line: number + 1, Reason: plainReason(err)})
	}
	return faults
}

func (b *builder) hostsLine(s source, line string) *Error {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return nil
	}
	ip, err := netip.ParseAddr(fields[0])
	switch {
	case err != nil:
		return &Error{Name: fields[0], Reason: "not an IP address"}
	case len(fields) == 1:
		return &Error{Name: fields[0], Reason: "no name beside the address"}
	}
	for i, field := range fields[1:] {
		name, err := ruleName(field)
		if err != nil {
			return &Error{Name: field, Reason: err.Error()}
		}
		if err := b.address(s, name, ip, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// plainReason is an error without the name of the file, which is told anyway.
func plainReason(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}
