// Package transfer keeps files with copies of zones of other servers: by AXFR and IXFR (RFC 5936, RFC 1995), signed with TSIG
// (RFC 8945), when the SOA record says so or the primary does (NOTIFY, RFC 1996).
//
// A file is replaced whole or not at all. Whatever a primary sends, the last copy that was complete, well-formed and
// accepted by [Zone].Check stays: cut transfers, wrong signatures, endless streams and records that do not fit are failures of an attempt.
//
// It asks nobody for addresses: primaries are literal.
package transfer
