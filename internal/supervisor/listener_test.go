package supervisor

import (
	"bufio"
	"context"
	"strings"
	"testing"
)

func TestShutdownOnFatalIgnoresOthers(t *testing.T) {
	body := "processname:other groupname:other from_state:BACKOFF"
	in := "ver:3.0 server:supervisor serial:1 pool:x poolserial:1 eventname:PROCESS_STATE_FATAL len:52\n" + body
	var out strings.Builder
	// The client leads nowhere: a call would fail.
	err := ShutdownOnFatal(context.Background(), strings.NewReader(in), &out, "manager", NewClient("/nonexistent"))
	if err != nil || out.String() != "READY\nRESULT 2\nOKREADY\n" {
		t.Errorf("got %v, %q", err, out.String())
	}
}

func FuzzReadEvent(f *testing.F) {
	f.Add("eventname:PROCESS_STATE_FATAL len:4\na:b ")
	f.Add("len:-1\n")
	f.Add("len:99\nx")
	f.Fuzz(func(t *testing.T, text string) {
		r := bufio.NewReader(strings.NewReader(text))
		if header, _, err := readEvent(r); err == nil && header["len"] == "" {
			t.Error("event without a length")
		}
	})
}
