package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// Options of a Keeper.
type Options struct {
	Zones  []Zone
	Notify []netip.AddrPort // where NOTIFY messages are received
	Log    *slog.Logger
}

// Keeper keeps zones up to date. Make it with [New].
type Keeper struct {
	log   *slog.Logger
	zones []*kept
	conns []net.PacketConn
}

// kept is one zone being kept.
type kept struct {
	Zone
	log    *slog.Logger
	notify chan struct{} // holds a token when a primary has something new

	content  *content // nil before the first copy
	failures int      // in a row

	mu     sync.Mutex
	status Status
}

// New reads the copies that are there and opens the sockets for NOTIFY. [Keeper.Run] does the rest.
func New(o Options) (*Keeper, error) {
	k := &Keeper{log: o.Log}
	for _, z := range o.Zones {
		kz := &kept{Zone: z, log: o.Log.With("zone", z.Name), notify: make(chan struct{}, 1)}
		kz.status.Zone = z.Name
		if err := os.MkdirAll(filepath.Dir(z.File), 0o755); err != nil {
			return nil, err
		}
		kz.open()
		k.zones = append(k.zones, kz)
	}
	for _, addr := range o.Notify {
		conn, err := net.ListenPacket("udp", addr.String())
		if err != nil {
			k.close()
			return nil, fmt.Errorf("listen for NOTIFY: %w", err)
		}
		k.conns = append(k.conns, conn)
	}
	return k, nil
}

func (k *Keeper) close() {
	for _, c := range k.conns {
		c.Close()
	}
}

// Run keeps the zones until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, z := range k.zones {
		all.Go(func() { z.run(ctx) })
	}
	for _, c := range k.conns {
		all.Go(func() { k.listen(c) })
	}
	<-ctx.Done()
	k.close()
	all.Wait()
}

// Status returns what is known of all zones, in the order of the options.
func (k *Keeper) Status() []Status {
	list := make([]Status, len(k.zones))
	for i, z := range k.zones {
		z.mu.Lock()
		list[i] = z.status
		z.mu.Unlock()
	}
	return list
}

// open reads the copy that an earlier process has left. Its time is when a primary last confirmed it.
func (z *kept) open() {
	c, err := load(z.File, z.Name, z.records())
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			z.log.Warn("the copy cannot be used, the zone is transferred anew", "reason", err)
		}
		return
	}
	z.content = c
	if info, err := os.Stat(z.File); err == nil {
		z.status.Checked, z.status.Changed = info.ModTime(), info.ModTime()
	}
	z.describe()
}

// run asks the primaries when it is time and when they say that there is something new.
func (z *kept) run(ctx context.Context) {
	timer := time.NewTimer(0) // what has happened meanwhile is not known
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-z.notify:
		}
		if ctx.Err() != nil {
			return
		}
		if err := z.refresh(ctx); err != nil && ctx.Err() == nil {
			z.failed(err)
		}
		next := wait(z.soa(), z.failures)
		z.update(func(s *Status) { s.Next = time.Now().Add(next) })
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-time.After(limits.TransferPause):
		}
	}
}

// refresh asks the primaries in turn until one of them answers.
func (z *kept) refresh(ctx context.Context) error {
	var errs []error
	for _, primary := range z.Primaries {
		err := z.take(ctx, primary)
		if err == nil {
			z.failures = 0
			z.update(func(s *Status) {
				s.Checked, s.Expired, s.Error, s.Primary = time.Now(), false, "", primary.String()
			})
			return nil
		}
		errs = append(errs, fmt.Errorf("%v: %w", primary, err))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// take brings the copy up to what one primary has.
func (z *kept) take(ctx context.Context, primary netip.AddrPort) error {
	in := z.incoming(z.content)
	err := z.ask(ctx, primary, in)
	if err != nil && in.have != nil && wholeHelps(err) {
		in.rollBack()
		z.log.Info("changes cannot be used, asking for the whole zone", "primary", primary, "reason", err)
		in = z.incoming(nil)
		err = z.ask(ctx, primary, in)
	}
	if err == nil {
		err = z.keep(in, primary)
	}
	if err != nil {
		in.rollBack()
	}
	return err
}

// keep makes what came the copy.
func (z *kept) keep(in *incoming, primary netip.AddrPort) error {
	if in.current() || z.content != nil && !newer(in.next.Serial, z.content.soa.Serial) {
		if older := z.content.soa.Serial; in.next.Serial != older {
			z.log.Warn("the primary has an older version", "primary", primary, "serial", in.next.Serial, "ours", older)
		}
		return os.Chtimes(z.File, time.Time{}, time.Now())
	}
	before, full := serialOf(z.soa()), in.whole != nil
	c := in.result()
	if err := c.save(z.File, z.Check); err != nil {
		return fmt.Errorf("serial %d cannot be used: %w", c.soa.Serial, err)
	}
	z.content = c
	z.update(func(s *Status) {
		if s.Changed = time.Now(); full {
			s.Full++
		} else {
			s.Incremental++
		}
	})
	z.describe()
	z.log.Info("transferred", "primary", primary, "serial", c.soa.Serial, "before", before, "full", full, "records", len(c.records), "foreign", c.foreign)
	return nil
}

// failed takes in that no primary could be asked. The copy stays in force, for a policy that cannot be refreshed is better than none.
func (z *kept) failed(err error) {
	z.failures++
	z.log.Warn("transfer failed, the copy stays as it is", "serial", serialOf(z.soa()), "reason", err)
	z.update(func(s *Status) {
		s.Failures++
		s.Error = err.Error()
		if c := z.content; c != nil && !s.Expired && time.Since(s.Checked) > timersOf(c.soa).expire {
			s.Expired = true
			z.log.Error("the copy has expired, it stays in force", "checked", s.Checked)
		}
	})
}

func (z *kept) soa() *miekg.SOA {
	if z.content == nil {
		return nil
	}
	return z.content.soa
}

// describe puts what the copy is into the status.
func (z *kept) describe() {
	z.update(func(s *Status) { s.Serial, s.Records = z.content.soa.Serial, len(z.content.records) })
}

func (z *kept) update(change func(*Status)) {
	z.mu.Lock()
	defer z.mu.Unlock()
	change(&z.status)
}
