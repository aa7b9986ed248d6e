// Package worker joins the parts of a resolving worker: bytes come in from package
// server, pass the gate of package admit, are answered from rules, cache or resolution, and
// leave as bytes. It is the only package that knows all of them.
package worker
