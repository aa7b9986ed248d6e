package limits

import "time"

// Bounds of zone transfers (MG-11).
const (
	// TransferConnect is how long a connection to a primary may take to open.
	TransferConnect = 5 * time.Second
	// TransferIdle ends a transfer when no message comes for that long, TransferTime in any case:
	// five million records over a line of 10 Mbit/s.
	TransferIdle, TransferTime = 30 * time.Second, 10 * time.Minute
	// TransferBytes and TransferRecords bound one zone: five times the largest public policy zones. A
	// record takes about 200 bytes of memory.
	TransferBytes, TransferRecords = 1 << 30, 5_000_000
	// TransferPause is the least time between two attempts of a zone: a primary that is changed a
	// thousand times in a second is asked five times.
	TransferPause = 200 * time.Millisecond
	// TransferRefreshLeast and TransferRefreshMost bound what the SOA record says of refreshing and
	// retrying; TransferExpireLeast what it says of expiry.
	TransferRefreshLeast, TransferRefreshMost = 10 * time.Second, 24 * time.Hour
	TransferExpireLeast                       = 10 * time.Minute
	// TransferFirst is the pause after the first copy could not be had; it doubles up to TransferFirstMost.
	TransferFirst, TransferFirstMost = 2 * time.Second, 5 * time.Minute
	// NotifyMessage is the most octets of a NOTIFY that is looked at.
	NotifyMessage = 1232
	// TSIGFudge is the seconds that clocks may differ (RFC 8945 section 10), TSIGUnsigned the messages
	// in a row that may come without signature in a transfer (section 5.3.1).
	TSIGFudge, TSIGUnsigned = 300, 100
)
