package limits

// Bounds on configuration files. An administrator writes them, but kresctl and
// the API take them from anywhere, so a small input must not become a big tree.
const (
	// ConfigBytes bounds one configuration file: room for some hundred thousand
	// local names, far below what would hurt the manager.
	ConfigBytes = 64 << 20

	// ConfigDepth bounds nesting; the deepest option of the schema is at depth 7.
	ConfigDepth = 32

	// ConfigAliasNodes bounds the values that YAML aliases expand to in one file,
	// because a few lines of nested aliases can stand for billions of values.
	ConfigAliasNodes = 100_000

	// ConfigErrors is how many mistakes are described. Nobody reads more, and each
	// takes the time and memory of hundreds of bytes.
	ConfigErrors = 200
)
