package iterate

import (
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// minimised returns the name to ask next on the way to a name (RFC 9156 section 2.3):
// known is how many labels of it are known to exist, step how many names were tried
// at and below the current cut. The first steps add one label each, later ones so many that all
// labels are covered in the steps left. last says that it is the whole name.
func minimised(name dns.Name, known, step int) (next dns.Name, last bool) {
	labels := name.Labels()
	left := labels - known
	if left <= 1 || step >= limits.MinimisedSteps {
		return name, true
	}
	add := 1
	if step >= limits.MinimisedSingly {
		add = (left + limits.MinimisedSteps - step - 1) / (limits.MinimisedSteps - step)
	}
	if add >= left {
		return name, true
	}
	return name.Suffix(known + add), false
}
