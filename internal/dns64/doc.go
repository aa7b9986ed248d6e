// Package dns64 makes IPv6 addresses of IPv4 addresses, for clients that reach IPv4 through a translator
// (RFC 6147, addresses as in RFC 6052). It decides and computes; looking names up is for others.
package dns64
