package upstream

// Transport is how a message travels.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	TLS
)

// String is the name as in text for people.
func (t Transport) String() string { return [...]string{"UDP", "TCP", "TLS"}[t] }
