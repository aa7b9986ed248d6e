package limits

import "time"

// Bounds of the cache stores (internal/cache/lmdb and internal/cache/mem).
const (
	// StoreKeyMax is the longest key in bytes: LMDB's compiled-in maximum. A name needs at most 255
	// bytes, so this leaves room for tags.
	StoreKeyMax = 511

	// StoreValueMax is the longest value in bytes: one DNS message of 64 KiB with all its signatures,
	// twice. Anything larger would let one entry displace hundreds.
	StoreValueMax = 128 << 10

	// StoreQueueOps and StoreQueueBytes bound the writes of one process waiting for the writer
	// goroutine: about one second of cold resolution at full speed, held in memory twice at worst.
	StoreQueueOps   = 16384
	StoreQueueBytes = 16 << 20

	// StoreLinger is how long queued writes wait for company. One commit copies a page of every tree
	// level, so ten entries in one transaction cost little more than one.
	StoreLinger = 5 * time.Millisecond

	// StoreReaders is the number of read snapshots one process may have open at a time, and
	// StoreReaderSlots that of all processes together (64 bytes of the lock file each).
	StoreReaders     = 32
	StoreReaderSlots = 4096

	// StoreGaps is how many gaps between entries a snapshot remembers: what is asked for about one name lies around the name
	// itself and around its ancestors, and each gap costs a comparison on the way to an entry.
	StoreGaps = 4

	// StoreSizeMin is the smallest LMDB file in bytes that still holds a useful number of entries
	// next to the pages reserved for deletions.
	StoreSizeMin = 1 << 20

	// StoreHealthInterval is how often a process compares the file it has mapped with the one on
	// disk and removes the marks of readers that died.
	StoreHealthInterval = 5 * time.Second

	// StoreLogPause is how long the same error of the file is not logged again: a disk that fails does so in every call.
	StoreLogPause = time.Minute

	// StoreSweepMax is the number of entries the in-memory store looks at for one that was not used
	// recently, so that one insertion never stalls the readers for long.
	StoreSweepMax = 1024
)

const (
	// StoreTxnOps and StoreTxnBytes bound one write transaction, and so the time for which the
	// writers of other processes wait: some milliseconds. StoreTxnShare makes it smaller in a small
	// file: one part in so many, in bytes and in pages touched.
	StoreTxnOps   = 512
	StoreTxnBytes = 1 << 20
	StoreTxnShare = 64

	// StoreReserveMax and StoreReserveShare bound the part of an LMDB file that only deletions and
	// the tree itself may use: a deletion copies pages before it frees any.
	StoreReserveMax   = 8 << 20
	StoreReserveShare = 16
)

// Bounds of storage that fails (internal/cache/steady).
const (
	// StoreWatch is how often a worker looks whether the cache answers, and StoreStallRounds how often in a row it must
	// find a call that waits: that is StoreStall, many times what a disk in order needs and less than a client waits.
	StoreWatch       = 100 * time.Millisecond
	StoreStallRounds = 3
	StoreStall       = StoreStallRounds * StoreWatch

	// StoreErrors failed calls within StoreErrorWindow set the storage aside. Damage to a file is one or two: it is
	// replaced then, which helps unless the disk itself fails.
	StoreErrors      = 16
	StoreErrorWindow = 10 * time.Second

	// StoreRetryMin and StoreRetryMax are the times after which storage that was set aside is tried again, doubled each
	// time it does not work. Storage that has worked for longer than StoreRetryMax starts anew.
	StoreRetryMin = time.Second
	StoreRetryMax = time.Minute

	// StoreOpenWait is how long a worker that starts waits for the disk. In order it takes milliseconds, and somewhat
	// longer when the file is allocated.
	StoreOpenWait = 5 * time.Second

	// StoreCloseWait is how long a worker that ends waits for the disk: nothing of value is written then.
	StoreCloseWait = time.Second

	// StoreMemory is the size of the store that takes the place of the storage, in bytes: all delegations and keys that
	// are in use and the answers of some minutes, and not so much that all workers together run out of memory.
	StoreMemory = 32 << 20
)
