package limits

// Bounds of messages.
const (
	// UDPPayload is the EDNS size offered and sent by default: what fits one
	// unfragmented IPv6 packet (DNS flag day 2020; B23).
	UDPPayload = 1232
	// MinUDPPayload is the size without EDNS and the least EDNS size honoured (RFC 6891 section 6.2.3).
	MinUDPPayload = 512
	// CompressionPointers followed per name. Pointers must point strictly backwards, so this
	// bounds work only; 126 labels is the longest name there is (B21).
	CompressionPointers = 126
	// EDNSOptions looked at per message (B22).
	EDNSOptions = 100
	// RRsetRecords is the most records kept of one RRset (B17); a longer one is not cached and not served.
	RRsetRecords = 256
	// SignaturesPerRRset is the most RRSIGs kept of one RRset (B18).
	SignaturesPerRRset = 8
	// RRsetsPerMessage is the most RRsets built from one message: a 64 KiB message of
	// distinct owners would otherwise cost more than it may (PX-03, B17).
	RRsetsPerMessage = 1024
	// MessageExpansion is how many octets of memory the RRsets of a message may take per octet of it, besides
	// MessageExpansionFree: compressed names make thousands of octets out of a few (PX-02).
	MessageExpansion, MessageExpansionFree = 8, 64 << 10
)
