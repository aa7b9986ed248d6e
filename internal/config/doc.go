// Package config turns configuration files into what the components run on.
//
// One declarative table (schema.go and schema_*.go) describes every option:
// path, type, default, meaning, change class, and whether it is supported yet.
// Everything else is derived from it: checking, defaults, the JSON schema, the
// reference documentation and the price of a change.
//
// A configuration passes through three types. [Document] is the raw tree as
// written, with the position of every value. [Valid] is the checked tree, with
// typed values and defaults. [Config] is the normalised form: a plain struct
// with every derived value filled in, which the manager hands to the other
// processes as JSON.
//
// All mistakes of a configuration are reported together, as [Errors].
package config
