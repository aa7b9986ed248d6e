// Package limits holds every bound of the resolver, each with its reason, and the
// budget that one client query and everything done for it is charged to. The ids B1…B28
// name the rows of the security specification's table of work budgets.
package limits
