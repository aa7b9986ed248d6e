// Package usage counts how often the entries of a shared cache are used, so that the collector keeps
// what is popular.
//
// The counters are in the file "top" beside the cache, mapped by every worker and kept over restarts.
// Readers of the cache only put a hash into a ring in memory ([Recorder.Touch]); one goroutine per
// process carries what is in it to the file. Nothing is exact on purpose: two processes that count in
// the same slot at once may lose a use, and in a burst only a sample counts.
//
// A counter belongs to the entry whose tag it holds. Uses of another entry that falls into the same
// slot wear it down and take it over when nothing is left of it, so names that are asked once do not
// displace popular ones (the decay of HeavyKeeper, Gong et al. 2018).
package usage
