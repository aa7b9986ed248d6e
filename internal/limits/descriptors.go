package limits

const (
	// OtherDescriptors are for what is there anyway: listeners, cache, rules, log, control, the poller; some 20 of them.
	OtherDescriptors = 64
	// ResolutionDescriptors is how many sockets a request in work has at a time: one, and another while a second server
	// is asked because the first is slow.
	ResolutionDescriptors = 2
	// EnoughDescriptors is how many a worker can make use of.
	EnoughDescriptors = OtherDescriptors + Streams + ResolutionDescriptors*Resolving + UpstreamStreams
)

// Share is what a worker may do with the descriptors it has.
type Share struct {
	Streams         int // client connections
	Resolving       int // requests worked on
	UpstreamStreams int // connections to servers
}

// Divide divides descriptors (RLIMIT_NOFILE), so that none of the three takes from the others (TR-04, FT-42). With 20,000 there is enough
// for all that is allowed; when there are fewer, half is for clients and half for servers.
func Divide(descriptors int) Share {
	whole := Share{Streams, Resolving, UpstreamStreams}
	if descriptors >= EnoughDescriptors {
		return whole
	}
	rest := max(descriptors-OtherDescriptors, OtherDescriptors)
	servers := min(ResolutionDescriptors*whole.Resolving+whole.UpstreamStreams, rest/2)
	whole.Streams = min(whole.Streams, rest-servers)
	whole.UpstreamStreams = min(whole.UpstreamStreams, servers/4)
	whole.Resolving = min(whole.Resolving, (servers-whole.UpstreamStreams)/ResolutionDescriptors)
	return whole
}
