package limits

// ArenaBytes is the most memory, in octets, that is kept for the next look into the shared cache: few answers take more, and
// there are as many looks at a time as threads.
const ArenaBytes = 16 << 10

// Bounds of the packet cache of a worker.
const (
	// PacketBytes is its size: more than 100,000 usual answers. Memory is used as it fills.
	PacketBytes = 24 << 20
	// PacketShards is its number of locks: more than a worker has threads that answer at once.
	PacketShards = 16
	// PacketMean is the size of a usual answer in octets; it sets the number of slots.
	PacketMean = 128
	// PacketLife is how many seconds an answer is repeated before the shared cache is asked again.
	PacketLife = 60
	// PacketTTLs is the most records of an answer worth keeping: patching more costs as much as encoding.
	PacketTTLs = 64
)
