package server

// chain is a list of misses, the oldest first. A miss is in one at most.
type chain struct{ first, last *miss }

func (c *chain) push(m *miss) {
	m.before, m.after = c.last, nil
	if c.last == nil {
		c.first = m
	} else {
		c.last.after = m
	}
	c.last = m
}

func (c *chain) pushFront(m *miss) {
	m.before, m.after = nil, c.first
	if c.first == nil {
		c.last = m
	} else {
		c.first.before = m
	}
	c.first = m
}

func (c *chain) remove(m *miss) {
	if m.before == nil {
		c.first = m.after
	} else {
		m.before.after = m.after
	}
	if m.after == nil {
		c.last = m.before
	} else {
		m.after.before = m.before
	}
	m.before, m.after = nil, nil
}

func (c *class) push(m *miss) {
	c.chains[m.class].push(m)
	c.count++
}

func (c *class) pushFront(m *miss) {
	c.chains[m.class].pushFront(m)
	c.count++
}

func (c *class) remove(m *miss) {
	c.chains[m.class].remove(m)
	c.count--
}

// best is the oldest of the best class.
func (c *class) best() *miss {
	if c.count == 0 {
		return nil
	}
	for i := range c.chains {
		if m := c.chains[i].first; m != nil {
			return m
		}
	}
	return nil
}

// worst is the oldest of the worst class.
func (c *class) worst() *miss {
	for i := classes - 1; i >= 0; i-- {
		if m := c.chains[i].first; m != nil {
			return m
		}
	}
	return nil
}
