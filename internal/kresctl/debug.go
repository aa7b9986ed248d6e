package kresctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// debugCommand attaches a debugger to processes of the running system.
func (t *Tool) debugCommand() *cobra.Command {
	var sudo, printOnly bool
	var debugger string
	c := &cobra.Command{
		Use: "debug [kresd|gc|all] [-- GDBARGS]", Short: "Attach a debugger to the processes", ValidArgs: []string{"kresd", "gc", "all"},
		RunE: func(c *cobra.Command, args []string) error {
			kind, extra, err := debugArgs(args, c.ArgsLenAtDash())
			if err != nil {
				return err
			}
			pids, err := t.processes(c, kind)
			if err != nil {
				return err
			}
			argv := gdb(debugger, pids, extra)
			if sudo {
				argv = append([]string{"sudo", "--"}, argv...)
			}
			if printOnly {
				fmt.Fprintln(t.Stdout, quoted(argv))
				return nil
			}
			path, err := exec.LookPath(argv[0])
			if err != nil {
				return fmt.Errorf("debug: %w", err)
			}
			return fmt.Errorf("debug: %s: %w", path, syscall.Exec(path, argv, os.Environ()))
		},
	}
	c.Flags().BoolVar(&sudo, "sudo", false, "run the debugger as root")
	c.Flags().BoolVar(&printOnly, "print-only", false, "print the command and do not run it")
	c.Flags().StringVar(&debugger, "gdb", "gdb", "the debugger's `COMMAND`")
	return c
}

// debugArgs splits the arguments at "--", which stood in front of argument dash.
func debugArgs(args []string, dash int) (kind string, extra []string, err error) {
	if dash >= 0 {
		args, extra = args[:dash], args[dash:]
	}
	switch len(args) {
	case 0:
		return "kresd", extra, nil
	case 1:
		return args[0], extra, nil
	}
	return "", nil, usageError{errors.New("expected at most one kind of process; arguments of the debugger follow --")}
}

// processes returns the pids of a kind, at least one.
func (t *Tool) processes(c *cobra.Command, kind string) (pids []int, err error) {
	text, err := t.call(c.Context(), http.MethodGet, "/processes/"+url.PathEscape(kind), nil)
	if err != nil {
		return nil, err
	}
	var list []struct{ PID int }
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("answer of the manager: %w", err)
	}
	for _, p := range list {
		if p.PID > 0 {
			pids = append(pids, p.PID)
		}
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("no process of the kind %s is running", kind)
	}
	return pids, nil
}

// gdb is a command line that attaches to each process as an inferior of its own.
func gdb(debugger string, pids []int, extra []string) []string {
	argv := []string{debugger, "-ex", "attach " + strconv.Itoa(pids[0])}
	for i, pid := range pids[1:] {
		argv = append(argv, "-ex", "add-inferior", "-ex", fmt.Sprintf("inferior %d", i+2), "-ex", "attach "+strconv.Itoa(pid))
	}
	if len(pids) > 1 {
		argv = append(argv, "-ex", "inferior 1")
	}
	return append(argv, extra...)
}

// quoted writes a command line for a shell.
func quoted(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = word
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=") != "" {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
