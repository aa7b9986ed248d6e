package prefill

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/filelock"
	"knot-resolver/internal/limits"
)

// Options of a Keeper.
type Options struct {
	Origin dns.Name
	// Fetch gets the zone into a new file in a directory and returns its name; nil: others write File.
	Fetch    func(ctx context.Context, dir string) (name string, err error)
	File     string        // the zone: the last good copy of what was fetched
	Interval time.Duration // between fetches
	Shared   bool          // the cache is shared: one worker imports for all
	Lock     string        // file whose holder is that worker, and the one that fetches
	Log      *slog.Logger
	// Import checks a zone and puts it into the cache.
	Import func(*Zone) error
	// Present says whether what was imported last is still there: caches are cleared, and entries live no longer than the
	// configuration lets them.
	Present func() bool
}

// Keeper keeps a zone in the cache.
type Keeper struct {
	Options
	lock     *os.File  // held by the worker that does the work
	imported time.Time // time of the file that is in the cache; zero: none
	refused  time.Time // time of the file that could not be imported
	// complaint is the failure told last.
	complaint string
	due       time.Time // for the next fetch
}

// New makes a Keeper.
func New(o Options) *Keeper { return &Keeper{Options: o} }

// Run imports the zone, and again when it is time, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	defer func() {
		if k.lock != nil {
			k.lock.Close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(k.round(ctx)):
		}
	}
}

// round does what is due and returns when to look again.
func (k *Keeper) round(ctx context.Context) time.Duration {
	working := k.works()
	if !working && k.Shared {
		return limits.PrefillLook
	}
	if !k.imported.IsZero() && !k.Present() {
		k.imported = time.Time{}
	}
	if working && k.Fetch != nil {
		k.refresh(ctx)
		return min(limits.PrefillLook, max(0, time.Until(k.due)))
	}
	k.follow()
	return limits.PrefillLook
}

// works says whether this worker is the one that does it.
func (k *Keeper) works() bool {
	if k.lock != nil {
		return true
	}
	var err error
	if k.lock, err = filelock.Try(k.Lock); err != nil {
		k.Log.Error("the zone is not loaded", "zone", k.Origin.String(), "reason", err)
	}
	return k.lock != nil
}

// follow imports the file when it has changed.
func (k *Keeper) follow() {
	changed, err := modified(k.File)
	if err != nil {
		if k.Fetch == nil {
			k.failed(err)
		}
		return
	}
	if changed.Equal(k.imported) || changed.Equal(k.refused) {
		return
	}
	if err := k.load(k.File); err != nil {
		k.refused = changed
		k.failed(err)
		return
	}
	k.imported = changed
}

// refresh makes sure that a copy younger than the interval is in the cache. A copy that is no good is not kept.
func (k *Keeper) refresh(ctx context.Context) {
	changed, err := modified(k.File)
	if err == nil && k.imported.IsZero() {
		k.follow() // also when it is too old: until there is another one it is the best there is
	}
	left := k.Interval - time.Since(changed)
	switch fresh := err == nil && left > 0 && changed.Equal(k.imported); {
	case fresh && k.due.IsZero():
		k.due = time.Now().Add(earlier(left))
	case !fresh && k.due.IsZero() || !time.Now().Before(k.due):
		k.due = time.Now().Add(earlier(k.Interval))
		if err := k.renew(ctx); err != nil {
			k.due = time.Now().Add(earlier(limits.PrefillRetry))
			if ctx.Err() == nil {
				k.failed(err)
			}
		}
	}
}

// renew fetches the zone, imports it, and keeps it when it is good.
func (k *Keeper) renew(ctx context.Context) error {
	name, err := k.Fetch(ctx, filepath.Dir(k.File))
	if err != nil {
		return fmt.Errorf("download: %w", err)
	}
	defer os.Remove(name) // gone already if all went well
	if err := k.load(name); err != nil {
		return err
	}
	if err := keep(name, k.File); err != nil {
		return err
	}
	k.imported, err = modified(k.File)
	return err
}

// load reads, checks and imports a file.
func (k *Keeper) load(name string) error {
	start := time.Now()
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() > limits.PrefillBytes {
		return fmt.Errorf("%s: more than %d bytes", k.File, limits.PrefillBytes)
	}
	z, err := Read(f, k.File, k.Origin)
	if err != nil {
		return err
	}
	if err := k.Import(z); err != nil {
		return err
	}
	k.complaint = ""
	k.Log.Info("zone loaded into the cache", "zone", k.Origin.String(), "serial", z.SOA.Serial, "records", len(z.records), "took", time.Since(start).Round(time.Millisecond))
	return nil
}

// failed tells a failure, once as long as it stays the same.
func (k *Keeper) failed(err error) {
	if err.Error() == k.complaint {
		return
	}
	k.complaint = err.Error()
	k.Log.Warn("the zone in the cache is not renewed", "zone", k.Origin.String(), "reason", err)
}

func modified(name string) (time.Time, error) {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// earlier shortens a time by up to limits.PrefillJitter.
func earlier(d time.Duration) time.Duration {
	var b [8]byte
	rand.Read(b[:])
	return max(0, d-time.Duration(binary.NativeEndian.Uint64(b[:])%uint64(limits.PrefillJitter)))
}
