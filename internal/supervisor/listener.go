package supervisor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"knot-resolver/internal/limits"
)

// listenerName is the program of Conf.Listener in the real supervisord.
const listenerName = "lifecycle"

// ShutdownOnFatal is the program of Conf.Listener: it speaks supervisord's event
// listener protocol and has the supervisor shut down when the named program
// becomes FATAL. The built-in supervisor does that by itself, for the manager.
// It returns nil when supervisord closes in.
func ShutdownOnFatal(ctx context.Context, in io.Reader, out io.Writer, program string, client *Client) error {
	r := bufio.NewReader(in)
	for {
		if _, err := io.WriteString(out, "READY\n"); err != nil {
			return fmt.Errorf("event listener: %w", err)
		}
		header, payload, err := readEvent(r)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("event listener: %w", err)
		}
		if header["eventname"] == "PROCESS_STATE_FATAL" && payload["processname"] == program {
			if err := client.Shutdown(ctx); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(out, "RESULT 2\nOK"); err != nil {
			return fmt.Errorf("event listener: %w", err)
		}
	}
}

// readEvent reads a header line and as many bytes of payload as it announces;
// both are lists of key:value.
func readEvent(r *bufio.Reader) (header, payload map[string]string, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		if err == io.EOF && len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, nil, err
	}
	header = keyValues(string(line))
	n, err := strconv.Atoi(header["len"])
	if err != nil || n < 0 || n > limits.SupervisorRPCBytes {
		return nil, nil, fmt.Errorf("event header %q without a good length", line)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, nil, io.ErrUnexpectedEOF
	}
	return header, keyValues(string(body)), nil
}

func keyValues(s string) map[string]string {
	out := map[string]string{}
	for field := range strings.FieldsSeq(s) {
		key, value, _ := strings.Cut(field, ":")
		out[key] = value
	}
	return out
}
