package trust

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/filelock"
	"knot-resolver/internal/limits"
)

// Options of a Keeper.
type Options struct {
	File      string
	Validator *dnssec.Validator
	Log       *slog.Logger
	// Fetch asks the servers of a zone for its DNSKEY set. With checked it goes on to other servers after an answer that does
	// not validate; without, any answer will do.
	Fetch func(ctx context.Context, zone dns.Name, checked bool) (dns.RRset, error)
	// Switch puts other anchors of the zone in force; without any key the zone has no anchor any more.
	Switch func(dnssec.Anchor)
}

// Keeper keeps one anchor file up to date.
type Keeper struct {
	Options
	zone    Zone
	lock    *os.File // held by the writer
	unsaved bool     // the file is older than zone
	behind  atomic.Bool
}

// Open reads the file. It must exist, and its directory must be writable.
func Open(o Options) (*Keeper, error) {
	zone, err := Read(o.File)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(o.File)
	switch err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err {
	case nil:
	case unix.EROFS: // that of a disk that fails, most of the time
		o.Log.Error("trust anchors are not saved", "file", o.File, "reason", err)
	default:
		return nil, fmt.Errorf("%s must be writable to keep %s up to date: %w", dir, filepath.Base(o.File), err)
	}
	return &Keeper{Options: o, zone: zone}, nil
}

// Anchor returns the keys trusted now. It must not be called while Run runs.
func (k *Keeper) Anchor() dnssec.Anchor { return k.zone.Anchor() }

// Behind says whether the file could not be written when it had to be. It may be called while Run runs.
func (k *Keeper) Behind() bool { return k.behind.Load() }

// Run updates the anchors, or follows another process that does, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	defer func() {
		if k.lock != nil {
			k.lock.Close()
		}
	}()
	for {
		wait := limits.TrustReread
		if k.writes() {
			wait = k.refresh(ctx)
		} else {
			k.reread()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// writes says whether this process is the one that updates the file.
func (k *Keeper) writes() bool {
	if k.lock != nil {
		return true
	}
	var err error
	if k.lock, err = filelock.Try(k.File + ".lock"); err != nil {
		k.behind.Store(true)
		k.Log.Error("trust anchors are not saved", "file", k.File, "reason", err)
	} else {
		k.behind.Store(k.unsaved && k.lock != nil)
	}
	return k.lock != nil || errors.Is(err, unix.EROFS) // each for itself, in memory
}

// reread takes over what another process, or the operator, wrote. A damaged file changes nothing.
func (k *Keeper) reread() {
	if k.unsaved {
		return
	}
	zone, err := Read(k.File)
	switch {
	case err != nil:
		k.Log.Error("the trust anchors stay as they are", "reason", err)
	case zone.Name != k.zone.Name:
		k.Log.Error("the trust anchors stay as they are", "file", k.File, "zone", k.zone.Name.String(), "reason", "the file is for another zone now")
	default:
		k.enter(zone)
	}
}

// refresh looks at the keys of the zone and returns when to look again.
func (k *Keeper) refresh(ctx context.Context) time.Duration {
	k.reread()
	seen, err := k.look(ctx)
	if err != nil {
		if ctx.Err() == nil {
			k.Log.Warn("the keys of a trust anchor cannot be checked", "zone", k.zone.Name.String(), "reason", err)
		}
		return retryIn(&seen)
	}
	before := k.zone.Text()
	next, again := k.zone.Step(&seen, time.Now())
	if !seen.Trusted {
		k.Log.Warn("no trusted key signed the keys of a trust anchor", "zone", k.zone.Name.String())
	}
	k.enter(next)
	if k.unsaved || next.Text() != before {
		err = Write(k.File, next)
		k.unsaved = err != nil
		k.behind.Store(k.unsaved)
		if k.unsaved {
			k.Log.Error("changed trust anchors are not saved", "file", k.File, "reason", err)
			return min(again, limits.TrustRefreshMin)
		}
	}
	return again
}

// look fetches the keys. If no answer validates it takes any: there may be a revocation in it.
func (k *Keeper) look(ctx context.Context) (seen Seen, err error) {
	for _, checked := range [...]bool{true, false} {
		set, failed := k.Fetch(ctx, k.zone.Name, checked)
		if err = failed; err != nil {
			continue
		}
		if seen = Look(k.Validator, k.zone, &set, time.Now(), new(limits.Budget)); seen.Trusted {
			break
		}
	}
	return seen, err
}

// enter makes zone the present state.
func (k *Keeper) enter(zone Zone) {
	old := k.zone
	k.zone = zone
	k.report(&old)
	if anchorText(old) != anchorText(zone) {
		k.Switch(zone.Anchor())
	}
}

// anchorText identifies the trusted keys of a zone.
func anchorText(z Zone) (text string) {
	for i := range z.Keys {
		if z.Keys[i].State.Trusted() {
			text += z.Keys[i].rdataText() + "\n"
		}
	}
	return text
}

// report logs the keys whose state changed.
func (k *Keeper) report(old *Zone) {
	name := k.zone.Name.String()
	states := map[string]State{}
	for i := range old.Keys {
		states[old.Keys[i].rdataText()] = old.Keys[i].State
	}
	trusted := false
	for i := range k.zone.Keys {
		key := &k.zone.Keys[i]
		if before := states[key.rdataText()]; before != key.State {
			k.Log.Warn("trust anchor", "zone", name, "key", key.Tag(), "state", key.State.String(), "before", before.String())
		}
		delete(states, key.rdataText())
		trusted = trusted || key.State.Trusted()
	}
	for text, before := range states {
		k.Log.Warn("trust anchor forgotten", "zone", name, "key", text, "before", before.String())
	}
	if !trusted {
		k.Log.Error("no trusted key is left, the zone counts as insecure (RFC 5011 section 5)", "zone", name)
	}
}
