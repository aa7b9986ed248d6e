package server

import "knot-resolver/internal/limits"

// desk is the memory a stream needs only while it is served. It is leased from Server.desks by the goroutine that serves
// the stream: most connections are idle most of the time.
type desk struct {
	in     [frameRoom]byte
	answer []byte    // scratch for inline answers
	out    [2][]byte // of the answerWriter
}

// sit leases a desk, and takes a seat if one is free.
func (st *stream) sit() {
	s := st.server
	st.desk = s.desks.Get().(*desk)
	st.in.lend(st.desk.in[:])
	st.out.lend(&st.desk.out)
	if st.seated = s.seats.Add(1) <= limits.StreamSeats; !st.seated {
		s.seats.Add(-1)
	}
}

// rise gives desk and seat back.
func (st *stream) rise() {
	s := st.server
	st.in.giveBack()
	st.out.giveBack(&st.desk.out)
	s.desks.Put(st.desk)
	st.desk = nil
	if st.seated {
		s.seats.Add(-1)
		st.seated = false
	}
}
