package trust

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

// ErrFile says that text is no file of trust anchors, or a damaged one.
var ErrFile = errors.New("trust: bad anchor file")

const tagMark = " ; KeyTag:"

// Parse reads the keys of one zone. Text without states is a plain zone file: its DS records, and its DNSKEY records
// with the SEP flag, are trusted. Otherwise each line is a record with its state as written by [Zone.Text]; a line that is
// not exactly that is an error, since a state misread could skip a hold-down time. Errors wrap [ErrFile] and name the line.
func Parse(text string) (Zone, error) {
	if len(text) > limits.TrustFile {
		return Zone{}, fmt.Errorf("%w: more than %d octets", ErrFile, limits.TrustFile)
	}
	z, err := Zone{}, error(nil)
	if hasStates(text) {
		z, err = parseStates(text)
	} else {
		z, err = parsePlain(text)
	}
	if err == nil {
		err = z.check()
	}
	if err != nil {
		return Zone{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return z, nil
}

// hasStates says whether any word of the text looks like a state: also that of a damaged line.
func hasStates(text string) bool {
	return strings.Contains(text, "KeyTag:") || slices.ContainsFunc(stateNames[:], func(s string) bool { return strings.Contains(text, s+":") })
}

func (z *Zone) check() error {
	switch {
	case len(z.Keys) > limits.TrustKeys:
		return fmt.Errorf("more than %d keys", limits.TrustKeys)
	case !slices.ContainsFunc(z.Keys, func(k Key) bool { return k.State.Trusted() || k.State == Revoked }):
		return errors.New("no trusted key in it (a DNSKEY needs the SEP flag: 257)")
	}
	return nil
}

func parsePlain(text string) (Zone, error) {
	z := Zone{}
	return z, z.add(text, Valid, time.Time{})
}

func parseStates(text string) (Zone, error) {
	z := Zone{}
	if !strings.HasSuffix(text, "\n") {
		return z, errors.New("the last line is cut short")
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if err := z.parseLine(strings.TrimSpace(line)); err != nil {
			return z, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return z, nil
}

// parseLine adds the record of one line. Without a state at the end of it a comment is a comment, and a record trusted.
func (z *Zone) parseLine(line string) error {
	record, commented := strings.CutPrefix(line, ";")
	record = strings.TrimSpace(record)
	end := strings.LastIndex(record, tagMark)
	switch {
	case record == "" || commented && end < 0:
		return nil
	case end < 0 && strings.Contains(record, ";"):
		return errors.New("the comment is no state")
	case end < 0:
		return z.add(record, Valid, time.Time{})
	}
	rest, tag := record[:end], record[end+len(tagMark):]
	middle := strings.LastIndex(rest, " ; ")
	if middle < 0 {
		return errors.New("no state before KeyTag")
	}
	record = rest[:middle]
	if strings.Contains(record, ";") {
		return errors.New("more than one state")
	}
	state, until, err := parseState(rest[middle+3:])
	if err != nil {
		return err
	}
	if commented && state.Trusted() {
		return nil // somebody took it out by hand
	}
	before := len(z.Keys)
	if err := z.add(record, state, until); err != nil {
		return err
	}
	if len(z.Keys) != before+1 || tag != strconv.Itoa(int(z.Keys[before].Tag())) {
		return errors.New("not one key with this tag")
	}
	return nil
}

// parseState reads "Name:" and the Unix time at which the state ends, if it has one.
func parseState(text string) (State, time.Time, error) {
	name, timer, ok := strings.Cut(text, ":")
	i := slices.Index(stateNames[:], name)
	if !ok || i < 0 {
		return 0, time.Time{}, fmt.Errorf("%q is no state", text)
	}
	s := State(i)
	if !s.timed() {
		if timer != "" {
			return 0, time.Time{}, fmt.Errorf("%v has no timer", s)
		}
		return s, time.Time{}, nil
	}
	const bits = 33 // until the year 2242
	seconds, err := strconv.ParseUint(timer, 10, bits)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("the timer %q is no time", timer)
	}
	return s, time.Unix(int64(seconds), 0), nil
}

// add takes the records of text, all in one state.
func (z *Zone) add(text string, s State, until time.Time) error {
	anchors, err := dnssec.ParseAnchors(text)
	if err != nil {
		return err
	}
	for _, a := range anchors {
		if z.Name == "" {
			z.Name = a.Zone
		}
		if a.Zone != z.Name {
			return fmt.Errorf("keys of %v and %v: each zone needs a file of its own", z.Name, a.Zone)
		}
		for _, ds := range a.DS {
			rdata := append(binary.BigEndian.AppendUint16(nil, ds.KeyTag), ds.Algorithm, ds.DigestType)
			err = errors.Join(err, z.addKey(Key{dns.TypeDS, append(rdata, ds.Digest...), s, until}))
		}
		for _, k := range a.Keys {
			if k.Flags&dns.KeyFlagSEP == 0 {
				continue // a zone-signing key, as in the output of dig
			}
			rdata := append(binary.BigEndian.AppendUint16(nil, k.Flags), k.Protocol, k.Algorithm)
			err = errors.Join(err, z.addKey(Key{dns.TypeDNSKEY, append(rdata, k.PublicKey...), s, until}))
		}
	}
	return err
}

func (z *Zone) addKey(k Key) error {
	for i := range z.Keys {
		if z.Keys[i].Type == k.Type && string(z.Keys[i].RData) == string(k.RData) {
			return fmt.Errorf("key %d is there twice", k.Tag())
		}
	}
	z.Keys = append(z.Keys, k)
	return nil
}
