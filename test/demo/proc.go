package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is a process of the resolver, as /proc shows it.
type process struct {
	pid, parent int
	name        string // short: the role
	title       string // command line
	memory      int    // resident, bytes
}

// processes lists the processes of the resolver by pid: those whose command
// line names the stage's directory.
func (s *stage) processes() (list []process) {
	entries, _ := os.ReadDir("/proc") // without it there is nothing to see
	for _, e := range entries {
		p, err := readProcess(filepath.Join("/proc", e.Name()))
		if err == nil && p.pid != os.Getpid() && strings.Contains(p.title, s.dir+"/") {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b process) int { return cmp.Compare(a.pid, b.pid) })
	return list
}

// readProcess reads the directory of a process.
func readProcess(dir string) (p process, err error) {
	if p.pid, err = strconv.Atoi(filepath.Base(dir)); err != nil {
		return p, err
	}
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return p, err
	}
	p.title = strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return p, err
	}
	for field := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(strings.TrimSpace(field), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			p.name = value
		case "PPid":
			p.parent, err = strconv.Atoi(value)
		case "VmRSS":
			_, err = fmt.Sscanf(value, "%d kB", &p.memory)
			p.memory *= 1024
		}
		if err != nil {
			return p, fmt.Errorf("%s/status: %s: %w", dir, key, err)
		}
	}
	return p, nil
}

// named are the processes of a role: all whose name begins like this.
func named(list []process, role string) []process {
	return slices.DeleteFunc(slices.Clone(list), func(p process) bool { return !strings.HasPrefix(p.name, role) })
}

func pids(list []process) (ids []int) {
	for _, p := range list {
		ids = append(ids, p.pid)
	}
	return ids
}
