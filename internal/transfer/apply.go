package transfer

import (
	"errors"
	"fmt"

	miekg "github.com/miekg/dns"
)

var (
	errTooMany = errors.New("more records than a zone may have")
	// errMisfit is what ends in a complete transfer: the changes are not to what we have.
	errMisfit = errors.New("the changes do not fit the copy")
)

// incoming takes in the records of a transfer, in the order they come. It knows the forms a transfer may have: the whole zone between two
// SOA records, the differences between versions, or a single SOA record (RFC 1995 section 4).
type incoming struct {
	name string
	most int      // records
	have *content // what differences apply to; nil when the whole zone was asked for

	state  state
	next   *miekg.SOA // the first record: what the zone will be
	whole  *content
	undo   []step
	before *miekg.SOA // of have
	serial uint32     // of the version that the differences have led to, or come from
}

type state uint8

const (
	atStart     state = iota // nothing came yet
	atSecond                 // one SOA record came
	inWhole                  // the whole zone is coming
	inDeletions              // what a version leaves out
	inAdditions              // what a version adds
	complete
)

// step is one change that was made, to be taken back.
type step struct {
	key     string
	ttl     uint32 // before
	existed bool
}

func (z *Zone) incoming(have *content) *incoming {
	return &incoming{name: z.Name, most: z.records(), have: have}
}

// add takes in one record. After an error the transfer is to be given up, with rollBack.
func (in *incoming) add(rr miekg.RR) error {
	soa, isSOA := rr.(*miekg.SOA)
	if isSOA && miekg.CanonicalName(soa.Hdr.Name) != in.name {
		return fmt.Errorf("SOA record of another zone, %s", soa.Hdr.Name)
	}
	switch in.state {
	case atStart:
		if !isSOA {
			return errors.New("the first record is no SOA record")
		}
		if _, err := keyOf(soa); err != nil {
			return err
		}
		in.next, in.state = soa, atSecond
		return nil
	case atSecond:
		return in.second(rr, soa)
	case inWhole:
		return in.wholeRecord(rr, soa)
	case inDeletions, inAdditions:
		return in.difference(rr, soa)
	}
	return errors.New("records after the end")
}

// second decides by the second record what kind of transfer it is.
func (in *incoming) second(rr miekg.RR, soa *miekg.SOA) error {
	if soa != nil && in.have != nil && soa.Serial != in.next.Serial {
		if soa.Serial != in.have.soa.Serial {
			return fmt.Errorf("%w: they begin at serial %d, not %d", errMisfit, soa.Serial, in.have.soa.Serial)
		}
		in.state, in.serial = inDeletions, soa.Serial
		return nil
	}
	in.whole, in.state = newContent(in.next), inWhole
	return in.wholeRecord(rr, soa)
}

func (in *incoming) wholeRecord(rr miekg.RR, soa *miekg.SOA) error {
	if soa != nil {
		if soa.Serial != in.next.Serial {
			return fmt.Errorf("begins with serial %d and ends with %d", in.next.Serial, soa.Serial)
		}
		in.state = complete
		return nil
	}
	key, err := in.key(in.whole, rr)
	if key == "" || err != nil {
		return err
	}
	if in.whole.records[key] = rr.Header().Ttl; len(in.whole.records) > in.most {
		return errTooMany
	}
	return nil
}

func (in *incoming) difference(rr miekg.RR, soa *miekg.SOA) error {
	if soa != nil {
		return in.version(soa)
	}
	key, err := in.key(in.have, rr)
	if key == "" || err != nil {
		return err
	}
	ttl, existed := in.have.records[key]
	if deleting := in.state == inDeletions; deleting != existed {
		return fmt.Errorf("%w: %s", errMisfit, key)
	}
	if in.undo = append(in.undo, step{key, ttl, existed}); len(in.undo) > in.most {
		return errTooMany
	}
	if existed {
		delete(in.have.records, key)
		return nil
	}
	if in.have.records[key] = rr.Header().Ttl; len(in.have.records) > in.most {
		return errTooMany
	}
	return nil
}

// version takes in a SOA record among differences.
func (in *incoming) version(soa *miekg.SOA) error {
	switch {
	case in.state == inDeletions:
		if !newer(soa.Serial, in.serial) {
			return fmt.Errorf("%w: from serial %d to %d", errMisfit, in.serial, soa.Serial)
		}
		in.state, in.serial = inAdditions, soa.Serial
	case in.serial == in.next.Serial && soa.Serial == in.next.Serial:
		in.state = complete
	case soa.Serial == in.serial:
		in.state = inDeletions
	default:
		return fmt.Errorf("%w: after serial %d come changes to %d", errMisfit, in.serial, soa.Serial)
	}
	return nil
}

// key is the text of a record, empty for one that is not of the zone.
func (in *incoming) key(c *content, rr miekg.RR) (string, error) {
	if !miekg.IsSubDomain(in.name, miekg.CanonicalName(rr.Header().Name)) {
		c.foreign++
		return "", nil
	}
	return keyOf(rr)
}

// current says whether the answer is that nothing has changed: one SOA record that is not newer.
func (in *incoming) current() bool {
	return in.state == atSecond && in.have != nil && !newer(in.next.Serial, in.have.soa.Serial)
}

// result is the content after a complete transfer.
func (in *incoming) result() *content {
	if in.whole != nil {
		return in.whole
	}
	if in.before == nil {
		in.before, in.have.soa = in.have.soa, in.next
	}
	return in.have
}

// rollBack makes what differences were applied to what it was.
func (in *incoming) rollBack() {
	for i := len(in.undo) - 1; i >= 0; i-- {
		if s := in.undo[i]; s.existed {
			in.have.records[s.key] = s.ttl
		} else {
			delete(in.have.records, s.key)
		}
	}
	if in.undo = nil; in.before != nil {
		in.have.soa = in.before
	}
}
