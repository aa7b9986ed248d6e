// Package dnssec decides whether records are authentic: it checks signatures, ties
// zone keys to DS records or trust anchors, and judges proofs of non-existence. It
// does no I/O and holds no state; all costly work is charged to a [limits.Budget].
//
// The chain of trust is walked by the caller, top-down:
//
//   - [ParseAnchors] or [RootAnchor] gives the first [Anchor]; at a delegation
//     [Validator.Delegation] turns the validated DS set into the next one;
//   - [Validator.Keys] turns an Anchor and a DNSKEY set into the zone's [Keys];
//   - [Validator.Verify] checks one RRset with these;
//   - [Validator.Proof] checks the NSEC and NSEC3 sets of a response, and the methods of
//     [Proof] say what they prove.
//
// Every step ends in a [Verdict]. All names given to this package are lower case.
//
// Sources: RFC 4033-4035, 4509, 5155, 5702, 6605, 6840, 8080, 8914, 9276, 9905.
package dnssec
