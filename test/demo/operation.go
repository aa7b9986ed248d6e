package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// processTree prints the tree and compares it with what the manager says.
func processTree(ctx context.Context, s *stage) error {
	list := s.processes()
	s.printf("  %7s  %6s  %s\n", "pid", "memory", "command line")
	s.printTree(list, s.tree.root.Process.Pid, "")
	text, err := s.control(ctx, "pids")
	if err != nil {
		return err
	}
	s.block(text, 10)
	for role, want := range map[string]int{"supervisor": 1, "manager": 1, "kresd": workers, "cache-gc": 1} {
		if n := len(named(list, role)); n != want {
			return fmt.Errorf("%d processes are %s, want %d", n, role, want)
		}
	}
	for _, p := range append(named(list, "kresd"), named(list, "cache-gc")...) {
		if !slices.Contains(strings.Fields(text), fmt.Sprint(p.pid)) {
			return fmt.Errorf("kresctl pids does not list %d", p.pid)
		}
	}
	return nil
}

// printTree prints a process and those it has started.
func (s *stage) printTree(list []process, pid int, indent string) {
	for _, p := range list {
		if p.pid == pid {
			title := strings.NewReplacer(s.bin+"/", "", s.dir, "DIR").Replace(p.title)
			s.printf("  %7d  %4d M  %s%s\n", p.pid, p.memory>>20, indent, clip(title))
		}
	}
	for _, p := range list {
		if p.parent == pid {
			s.printTree(list, p.pid, indent+"  ")
		}
	}
}

// metrics prints what has been counted; what is zero is left out.
func metrics(ctx context.Context, s *stage) error {
	text, err := s.control(ctx, "metrics")
	if err != nil {
		return err
	}
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return fmt.Errorf("kresctl metrics: %w", err)
	}
	answers := 0.0
	for _, worker := range slices.Sorted(maps.Keys(all)) {
		s.printf("    %s\n", worker)
		for _, group := range slices.Sorted(maps.Keys(all[worker])) {
			counters, _ := all[worker][group].(map[string]any)
			if line := counted(counters); line != "" {
				s.printf("      %s: %s\n", group, line)
			}
			if total, ok := counters["total"].(float64); ok && group == "answer" {
				answers += total
			}
		}
	}
	if len(all) != workers {
		return fmt.Errorf("metrics of %d workers, want %d", len(all), workers)
	}
	if answers == 0 {
		return errors.New("no answer was counted")
	}
	return nil
}

// counted lists the counters that are not zero.
func counted(counters map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counters)) {
		if value, ok := counters[name].(float64); ok && value != 0 {
			parts = append(parts, fmt.Sprintf("%s %v", name, value))
		}
	}
	return strings.Join(parts, ", ")
}
