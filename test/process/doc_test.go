// Package process tests the real binaries: real processes, sockets and signals.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// binaries is where TestMain puts the programs.
var binaries string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kr-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	args := slices.Concat([]string{"build"}, buildFlags, []string{"-o", dir + string(filepath.Separator), "knot-resolver/cmd/..."})
	if runtime.GOARCH == "amd64" { // which clock knows
		args = append(args, "knot-resolver/test/clock")
	}
	build := exec.Command("go", args...)
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	binaries = dir
	return m.Run()
}
