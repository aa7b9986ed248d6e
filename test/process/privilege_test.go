package process

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Who reads packets, records or rules has no capability on any thread, can gain none, and does not know the socket of
// the service manager.
func TestComponentsHaveNoPrivileges(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		t.Helper()
		s := start(t, options{supervisor: kind, workers: 2})
		s.serves(port)
		for _, role := range []string{"kresd", "cache-gc"} {
			for _, pid := range s.role(role) {
				dir := filepath.Join("/proc", strconv.Itoa(pid))
				threads, err := filepath.Glob(filepath.Join(dir, "task/*/status"))
				if err != nil || len(threads) < 2 {
					t.Fatalf("%v, %v", threads, err)
				}
				for _, file := range threads {
					text, err := os.ReadFile(file)
					if err != nil {
						continue // the thread has ended
					}
					for _, line := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
						if !regexp.MustCompile(line+`:\t0+\n`).Match(text) && os.Getuid() == 0 {
							t.Errorf("%s %s: %s is not empty:\n%s", role, file, line, text)
						}
					}
					if !strings.Contains(string(text), "NoNewPrivs:\t1\n") {
						t.Errorf("%s may gain privileges: %s", role, file)
					}
				}
				if limits, err := os.ReadFile(filepath.Join(dir, "limits")); err != nil || !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
					t.Errorf("%s may dump core: %v\n%s", role, err, limits)
				}
			}
		}
	})
}
