package app

import (
	"io"
	"net"
	"net/http"
	"testing"

	"knot-resolver/internal/supervisor"
	"knot-resolver/internal/supervisor/xmlrpc"
)

// scripted answers the calls that a test expects, in order.
func scripted(t *testing.T, calls []string, answers [][]byte) (processes, *int) {
	t.Helper()
	path := supervisor.SocketPath(t.TempDir())
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	n := new(int)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		doc, _ := io.ReadAll(r.Body)
		method, _, err := xmlrpc.DecodeCall(doc)
		if *n == len(calls) || err != nil || method != "supervisor."+calls[*n] {
			t.Errorf("call %d is %s (%v)", *n, method, err)
			http.Error(w, "not expected", http.StatusTeapot)
			return
		}
		w.Write(answers[*n])
		*n++
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return processes{supervisor.NewClient(path)}, n
}

// A worker that had just died was about to be started again by supervisord when it was
// stopped: "not running" was taken for an end, and it came back after a change was refused.
func TestStopOfOneAboutToRestart(t *testing.T) {
	notRunning := xmlrpc.EncodeFault(&xmlrpc.Fault{Code: int(supervisor.NotRunning), Text: "NOT_RUNNING: kresd2"})
	stopped, err := xmlrpc.EncodeResponse(true)
	if err != nil {
		t.Fatal(err)
	}
	state := func(name string, s supervisor.State, status int) []byte {
		doc, err := xmlrpc.EncodeResponse(map[string]any{
			"group": "kresd", "name": name, "state": int(s), "pid": 0, "exitstatus": status, "spawnerr": "", "start": 1, "stop": 2,
		})
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	for name, c := range map[string]struct {
		calls   []string
		answers [][]byte
	}{
		"about to restart": {
			[]string{"stopProcess", "getProcessInfo", "stopProcess"},
			[][]byte{notRunning, state("kresd2", supervisor.Exited, 1), stopped},
		},
		"restarted meanwhile": {
			[]string{"stopProcess", "getProcessInfo", "stopProcess"},
			[][]byte{notRunning, state("kresd2", supervisor.Running, 0), stopped},
		},
		"unwanted": {
			[]string{"stopProcess", "getProcessInfo"},
			[][]byte{notRunning, state("kresd2", supervisor.Exited, exitUnwanted)},
		},
		"ended by itself": {
			[]string{"stopProcess", "getProcessInfo"},
			[][]byte{notRunning, state("policy-loader", supervisor.Exited, 1)},
		},
		"never there": {
			[]string{"stopProcess", "getProcessInfo"},
			[][]byte{notRunning, state("kresd2", supervisor.Stopped, 0)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, n := scripted(t, c.calls, c.answers)
			if err := p.Stop(t.Context(), "kresd:kresd2"); err != nil || *n != len(c.calls) {
				t.Errorf("%v after %d of %d calls", err, *n, len(c.calls))
			}
		})
	}
}
