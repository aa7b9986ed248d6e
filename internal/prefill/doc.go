// Package prefill loads a whole zone, the root, into the cache (RFC 8806 tells why): servers of the zone need not be
// asked then. A zone is taken over only if its digest is right (RFC 8976) and all its records validate.
//
// The zone comes by HTTPS, or from a file that others keep. One worker gets it for all that share a cache; the last good
// copy stays in the run directory.
package prefill
