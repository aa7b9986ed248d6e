package config

import (
	"net/netip"
	"time"
)

// Config is the normalised configuration: every default, derived value and
// absolute path filled in. It survives a round trip through JSON; durations are
// nanoseconds there, and an unset address is the empty string.
type Config struct {
	Version    int // schema version, always 1
	Hostname   string
	NSID       string // RFC 5001; each worker appends its number
	Rundir     string // absolute
	Workers    int    // at least 1, "auto" resolved
	Management Management
	Network    Network
	Cache      Cache
	DNSSEC     DNSSEC
	DNS64      DNS64
	Options    Options
	Forward    []Forward
	Fallback   *Fallback // nil = none
	Logging    Logging
	Metrics    MetricsMode
	Views      []View
	Graphite   Graphite
	LocalData  LocalData

	RateLimiting RateLimiting
	Defer        Defer
}

// Defer serves clients first that have cost less lately.
type Defer struct {
	Enable    bool
	LogPeriod time.Duration // least time between two notices; 0 = no notices
}

// RateLimiting limits the queries of addresses that may be forged.
type RateLimiting struct {
	Enable    bool
	Rate      int           // queries of one address in a second, for long
	Instant   int           // queries of one address at once
	Capacity  int           // sources that are limited at the same time
	Slip      int           // one of so many limited queries is answered truncated; 0 = none
	LogPeriod time.Duration // least time between two notices; 0 = no notices
	DryRun    bool
}

// Forward sends questions for names at and below a subtree to other servers.
type Forward struct {
	Subtree       string // lower case, with trailing dot
	Servers       []ForwardServer
	Authoritative bool     // the servers are authoritative, not resolvers
	DNSSEC        bool     // validate their answers
	Tags          []string // only for clients with one of these; none = all
	First         bool     // when they fail, resolve as if there were no rule
	Cache         bool     // keep their answers
}

// Fallback is resolvers to ask when resolution fails.
type Fallback struct {
	Servers []ForwardServer
	DNSSEC  bool // validate their answers
}

// ForwardServer is one address of a server to ask.
type ForwardServer struct {
	Addr netip.AddrPort
	TLS  *ForwardTLS // nil = over UDP and TCP
	TCP  bool        // over TCP only
}

// Servers returns all servers to ask that are configured.
func (c *Config) Servers() (all []ForwardServer) {
	for _, f := range c.Forward {
		all = append(all, f.Servers...)
	}
	if c.Fallback != nil {
		all = append(all, c.Fallback.Servers...)
	}
	return all
}

// ForwardTLS is how a server proves over TLS who it is: Hostname or Pins is set.
type ForwardTLS struct {
	Hostname string   // with trailing dot
	CAFile   string   // absolute; empty = certificates of the system
	Pins     [][]byte // SHA-256
}

// Management says where the manager's HTTP API listens: UnixSocket or Interface is set.
type Management struct {
	UnixSocket string         // absolute path
	Interface  netip.AddrPort // TCP
	CertFile   string         // absolute path; empty = no TLS
	KeyFile    string         // absolute path
	CAFile     string         // absolute path; certificates of clients are signed with one of these
	Access     []Access       // empty = everybody may do everything
}

// Access is what one kind of client may do: exactly one of TokenFile and Client is set.
type Access struct {
	Role      Role
	TokenFile string // absolute path
	Client    string // name in the client's certificate
}

// Role is a right on the API.
type Role string

// The roles, each with the rights of those before it.
const (
	RoleRead   Role = "read"
	RoleFlush  Role = "flush"  // clear the cache
	RoleConfig Role = "config" // change the configuration
	RoleAdmin  Role = "admin"  // stop, upgrade
)

// Network holds what concerns sockets and messages on the wire.
type Network struct {
	Listen         []Listen
	DoIPv4, DoIPv6 bool           // contact upstream servers over the family
	DoNotQuery     []netip.Prefix // servers that are never asked
	NAT64          netip.Prefix   // IPv4 servers are contacted through it; invalid = directly
	Renumbering    []Renumbering
	OutV4, OutV6   netip.Addr // source addresses of upstream queries; invalid = any
	TCPPipeline    int        // outstanding queries of one client connection
	TCPKeepalive   bool       // send the option of RFC 7828 in answers
	Cookies        bool       // give clients cookies (RFC 7873)
	EDNSUpstream   int        // UDP payload size announced to servers, bytes
	EDNSDownstream int        // UDP payload size announced to clients, bytes
}

// Renumbering rewrites the addresses of one subnet in answers.
type Renumbering struct {
	Source      netip.Prefix
	Destination netip.Addr // of the family of Source
	Exact       bool       // Destination is the new address itself, not the new prefix
}

// Listen is one place to serve clients on: exactly one of Addr and Interface is
// set. An interface stands for every address it has when the worker starts.
type Listen struct {
	Addr      netip.Addr // may carry an IPv6 zone
	Interface string
	Port      uint16
	Kind      ListenKind
	Freebind  bool // bind even to an address this machine does not have
}

// ListenKind is the transport served by a [Listen].
type ListenKind string

// KindDNS is DNS over UDP and TCP.
const KindDNS ListenKind = "dns"

// MetricsMode says when workers count.
type MetricsMode string

// The metrics modes.
const (
	MetricsManagerOnly MetricsMode = "manager-only" // workers never count
	MetricsLazy        MetricsMode = "lazy"         // from the first request for metrics on
	MetricsAlways      MetricsMode = "always"       // from the start
)

// Graphite says where metrics are sent.
type Graphite struct {
	Enable   bool
	Host     string // address or domain name
	Port     uint16
	Prefix   string
	Interval time.Duration
	TCP      bool // instead of UDP
}

// Cache configures the shared cache and its collector.
type Cache struct {
	Storage   string // absolute path of the directory
	SizeMax   int64  // bytes
	TTLMin    time.Duration
	TTLMax    time.Duration
	NSTimeout time.Duration // how long a dead server address is skipped
	// PrefetchExpiring refreshes entries that are used shortly before they run out.
	PrefetchExpiring bool
	Prefill          []Prefill
	Prediction       Prediction
	Stale            Stale
	GC               GC
}

// Stale configures answers from expired records (RFC 8767).
type Stale struct {
	MaxAge        time.Duration // since they expired
	TTL           time.Duration // in answers
	ClientTimeout time.Duration // until such an answer is given
	Bogus         bool          // also when new data does not validate
}

// Prediction has answers ready that clients will ask for.
type Prediction struct {
	Enable bool
	Window time.Duration
	Period int // windows
}

// Prefill is a zone loaded into the cache as a whole: exactly one of URL and File is set.
type Prefill struct {
	Origin   string // "."
	URL      string // https://
	File     string // absolute path
	Interval time.Duration
	CAFile   string // absolute path; empty = the certificates of the system
}

// GC configures cache-gc.
type GC struct {
	Enable        bool
	Interval      time.Duration // between looks at the usage
	Threshold     int           // percent of usage that triggers a collection
	Release       int           // percent of the cache to free
	TempKeysSpace int64         // bytes for remembered keys, 0 = unlimited
	RWDeletes     int           // deletions in a write transaction, 0 = unlimited
	RWReads       int           // records in a read transaction, 0 = unlimited
	RWDuration    time.Duration // of a write transaction, 0 = unlimited
	RWDelay       time.Duration // between write transactions
	DryRun        bool
}

// DNSSEC configures validation.
type DNSSEC struct {
	Enable               bool
	LogBogus             bool
	Sentinel             bool     // RFC 8509
	SignalQuery          bool     // RFC 8145
	TrustAnchors         []string // DS or DNSKEY records in presentation format
	TrustAnchorFiles     []AnchorFile
	NegativeTrustAnchors []string // domain names, lower case, with trailing dot
	SHA1                 bool     // accept algorithms 5 and 7 and DS digest type 1
	NSEC3Iterations      int      // more iterations than this make a zone insecure
}

// DNS64 makes IPv6 addresses of IPv4 addresses (RFC 6147).
type DNS64 struct {
	Enable     bool
	Prefixes   []netip.Prefix
	ReverseTTL time.Duration  // whole seconds
	Exclude    []netip.Prefix // AAAA records that do not count
	IgnoreAAAA []string       // domain names, lower case, with trailing dot
}

// AnchorFile has the trust anchors of one zone, in place of those it had before.
type AnchorFile struct {
	File     string // absolute path
	ReadOnly bool   // it is not kept up to date (RFC 5011)
}

// GlueMode says which addresses given by a parent zone are believed.
type GlueMode string

// The glue modes.
const (
	GlueNormal     GlueMode = "normal"
	GlueStrict     GlueMode = "strict"
	GluePermissive GlueMode = "permissive"
)

// Options are the switches of resolution.
type Options struct {
	GlueChecking           GlueMode
	Minimize               bool // RFC 9156
	QueryLoopback          bool // servers on loopback addresses may be asked
	ReorderRRset           bool
	QueryCaseRandomization bool
	Priming                bool           // RFC 8109
	ServeStale             bool           // RFC 8767
	ViolatorsWorkarounds   bool           // leave letter case alone for zones known to need that
	RebindingProtection    bool           // refuse private addresses from the public DNS
	RebindingNames         []string       // which may have private addresses, and those below; lower case, with trailing dot
	RebindingSubnets       []netip.Prefix // private subnets that count as public
	RebindingStrip         bool           // private addresses are left out of answers, instead of refusing those
	RefuseNoRD             bool
	TimeJumpDetection      bool
	RootHints              string // absolute path; empty = built in
	UpstreamPort           uint16
	ChaosIdentity          string // for id.server; empty = not told (RFC 4892)
	ChaosVersion           string // for version.server; empty = not told
}

// LogLevel is the least severity that is logged.
type LogLevel string

// The log levels, most severe first.
const (
	LogCrit    LogLevel = "crit"
	LogErr     LogLevel = "err"
	LogWarning LogLevel = "warning"
	LogNotice  LogLevel = "notice"
	LogInfo    LogLevel = "info"
	LogDebug   LogLevel = "debug"
)

// LogTarget is where the log goes; "from-env" is already resolved.
type LogTarget string

// The log targets.
const (
	LogStdout LogTarget = "stdout"
	LogStderr LogTarget = "stderr"
	LogSyslog LogTarget = "syslog" // the journal where systemd runs
)

// Logging configures the logs of all processes.
type Logging struct {
	Level  LogLevel
	Target LogTarget
	Groups []string // processes and parts that log at debug level whatever Level is
	Dnstap Dnstap
}

// Dnstap is the log of queries and answers in dnstap format.
type Dnstap struct {
	Enable    bool
	Socket    string // absolute path of the receiver's Unix socket
	Queries   bool   // include queries
	Responses bool   // include answers
	TCPRTT    bool   // include the round-trip time of clients over TCP
}
