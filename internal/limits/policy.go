package limits

// Bounds of the compiled rule set (packages policy and policy/compile).
const (
	// RuleFileBytes is the largest rules file that is mapped; a million rules take about 80 MB.
	RuleFileBytes = 16 << 30
	// RuleGenerations is how many times a number is tried for a new generation when others make them too.
	RuleGenerations = 16
	// PolicyZoneFaults is how many bad records of one response policy zone are told; the others are counted.
	PolicyZoneFaults = 20
	// HostsFileFaults is how many faults of one hosts file are told: one in another format has a fault in every line.
	HostsFileFaults = 20
)
