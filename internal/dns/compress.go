package dns

// compression remembers where names begin in a message being written: a hash table of
// message offsets. A collision loses an entry, never an answer: what is found is always
// compared with the name.
type compression struct {
	slots [128]uint16 // offset of a name, 0 = empty (the header is there)
}

const maxPointer = 0x3fff

// hashName is FNV-1a over the folded octets of a name.
func hashName[T Name | []byte](n T) uint32 {
	h := uint32(2166136261)
	for i := 0; i < len(n); i++ {
		c := n[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

func (c *compression) enter(msg []byte, start int, n Name, at int) {
	for len(n) > 1 && at <= maxPointer {
		slot := &c.slots[hashName(n)%uint32(len(c.slots))]
		if *slot == 0 {
			*slot = uint16(at)
		}
		at += int(n[0]) + 1
		n = n[int(n[0])+1:]
	}
}

// forget drops entries at or behind an offset, after a rollback.
func (c *compression) forget(from int) {
	for i := range c.slots {
		if int(c.slots[i]) >= from {
			c.slots[i] = 0
		}
	}
}

// sameName compares the possibly compressed name at offset at with n, folding case.
func sameName[T Name | []byte](msg []byte, at int, n T) bool {
	for at < len(msg) {
		c := int(msg[at])
		if c >= 0xc0 {
			if at+1 >= len(msg) {
				return false
			}
			at = c&0x3f<<8 | int(msg[at+1]) // written by us, strictly backwards
			continue
		}
		if len(n) < c+1 || at+c+1 > len(msg) {
			return false
		}
		for i := 0; i <= c; i++ {
			if fold(msg[at+i]) != fold(n[i]) {
				return false
			}
		}
		if c == 0 {
			return len(n) == 1
		}
		at, n = at+c+1, n[c+1:]
	}
	return false
}

func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func (e *Encoder) name(n Name)        { writeName(e, n) }
func (e *Encoder) nameBytes(n []byte) { writeName(e, n) }

// writeName writes n, ending it with a pointer as soon as its rest is known.
func writeName[T Name | []byte](e *Encoder, n T) {
	for len(n) > 1 {
		slot := &e.names.slots[hashName(n)%uint32(len(e.names.slots))]
		if at := int(*slot); at != 0 && sameName(e.dst[e.start:], at, n) {
			e.dst = append(e.dst, 0xc0|byte(at>>8), byte(at))
			return
		}
		if at := e.Len(); *slot == 0 && at <= maxPointer {
			*slot = uint16(at)
		}
		length := int(n[0]) + 1
		e.dst = append(e.dst, n[:length]...)
		n = n[length:]
	}
	e.dst = append(e.dst, 0)
}
