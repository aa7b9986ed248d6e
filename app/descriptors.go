package app

import (
	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// share is how this process, a worker, divides the descriptors it may have. The runtime has raised its limit as far as it goes.
func share() limits.Share {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return limits.Divide(0)
	}
	const enough = 1 << 20
	return limits.Divide(int(min(limit.Cur, enough)))
}
