package app

import (
	"path/filepath"

	"knot-resolver/internal/config"
	"knot-resolver/internal/manager"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/policy/ruledb"
)

// loadRules opens a generation of the compiled policy. For 0, in a process that runs without a loader, it is
// compiled here.
func loadRules(cfg *config.Config, generation uint64) (*policy.Rules, error) {
	if generation == 0 {
		rules, _, err := compile.Rules(policyInput(cfg))
		return rules, err
	}
	return policy.Load(ruledb.Store{Dir: filepath.Join(cfg.Rundir, manager.RulesName)}, generation)
}
