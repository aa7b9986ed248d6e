package limits

// Bounds of the compiled rule set (packages policy and policy/compile).
const (
	// RuleFileBytes is the largest rules file loaded into memory; a million rules take about 100 MB.
	RuleFileBytes = 1 << 30
	// RuleKeyBytes is the longest key: a name of 255 octets takes at most 506 in key form, plus kind and type.
	RuleKeyBytes = 512
	// RuleValueBytes is the longest value: RRsetRecords records of the longest local data there is, with room.
	RuleValueBytes = 1 << 20
	// RuleGenerations is how many times a number is tried for a new generation when others make them too.
	RuleGenerations = 16
	// HostsFileFaults is how many faults of one hosts file are told: one in another format has a fault in every line.
	HostsFileFaults = 20
)
