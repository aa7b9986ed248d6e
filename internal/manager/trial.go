package manager

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// compile makes the policy-loader compile the policy of v into a generation of
// its own.
func (m *Manager) compile(ctx context.Context, v *control.Version) error {
	loader := post{role: control.RolePolicyLoader}
	report, err := m.launch(ctx, loader, control.Assignment{Version: *v}, nil)
	m.team.dismiss(loader)
	v.Rules = report.Rules
	return err
}

// keepRules deletes all generations of the policy but one, and what a loader
// that was killed has left.
func (m *Manager) keepRules(generation uint64) {
	dir := filepath.Join(m.Rundir, RulesName)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != strconv.FormatUint(generation, 10) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		m.Log.Warn("old policy stays on disk", "reason", err)
	}
}

// tryOut starts a worker that serves nobody on v and takes a question through
// it.
func (m *Manager) tryOut(ctx context.Context, v control.Version, canary post) error {
	_, err := m.launch(ctx, canary, control.Assignment{Version: v, Canary: true}, nil)
	if err == nil {
		probe, cancel := context.WithTimeout(ctx, limits.ManagerProbe)
		err = m.client(canary).SelfTest(probe)
		cancel()
	}
	cleanup, cancel := stopContext()
	defer cancel()
	if stopErr := m.halt(cleanup, canary); err == nil {
		err = stopErr
	}
	if err != nil {
		return fmt.Errorf("canary: %w", err)
	}
	return nil
}
