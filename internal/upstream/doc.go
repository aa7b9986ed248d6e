// Package upstream talks to authoritative servers and forwarders.
//
// [Client.Ask] is one exchange: a query over a fresh connected UDP socket, and at most one
// step to TCP when the answer is truncated, its case is wrong or somebody seems to guess.
// A UDP packet counts only when its id, its question to the last bit of case, and its form
// are right; anything else is passed over until the timer ends, and says nothing about the
// server (SP-05, SP-09, SP-10 of the security specification).
//
// [Stats] remembers what is known of each server, and [Choose] picks the next one to ask.
// One step of a caller is Stats.Fill, Choose, Client.Ask, Stats.Report. What an answer
// means, which EDNS to send and when to stop is decided by the caller.
package upstream
