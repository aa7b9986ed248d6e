package process

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// What the operator's manual says works as it stands there.
func TestManual(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("kdig"); err != nil {
		t.Skip("kdig is not installed")
	}
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, options{})
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 7 {
		t.Fatalf("only %d blocks", len(blocks))
	}
	preamble := fmt.Sprintf("set -eu -o pipefail\nkresctl() { %s/kresctl -c %s \"$@\"; }\n", binaries, s.config)
	place := strings.NewReplacer("/etc/knot-resolver/config.yaml", s.config, "@127.0.0.1", fmt.Sprintf("@%s -p %d", s.addr, port))
	for _, b := range blocks {
		script := place.Replace(b[1])
		for line := range strings.Lines(script) {
			if strings.HasPrefix(line, "kresctl validate") { // -c would name the configuration of the socket
				script = strings.Replace(script, "kresctl validate", binaries+"/kresctl validate", 1)
			}
		}
		cmd := exec.Command("bash", "-c", preamble+script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, script, out)
		}
	}
	if status := s.waitExit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}
