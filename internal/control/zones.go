package control

import (
	"context"
	"net/http"
	"time"
)

// ZoneStatus is the state of one zone that is transferred from a primary.
type ZoneStatus struct {
	Zone        string    `json:"zone"`
	Serial      uint32    `json:"serial"`
	Records     int       `json:"records"`          // apart from the SOA record; 0 before the first copy
	Changed     time.Time `json:"changed,omitzero"` // when the copy was made
	Checked     time.Time `json:"checked,omitzero"` // when a primary last said that it is current
	Next        time.Time `json:"next,omitzero"`    // when a primary is asked next
	Expired     bool      `json:"expired"`          // nobody has said so for longer than the zone allows
	Primary     string    `json:"primary,omitempty"`
	Error       string    `json:"error,omitempty"` // of the last attempt, if it failed
	Full        int       `json:"full"`            // complete transfers
	Incremental int       `json:"incremental"`
	Failures    int       `json:"failures"` // attempts that failed
	Notifies    int       `json:"notifies"` // accepted
}

// ZonesHandler serves the state of transferred zones over HTTP.
func ZonesHandler(zones func() []ZoneStatus) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /zones", func(rw http.ResponseWriter, _ *http.Request) { WriteJSON(rw, zones(), nil) })
	Profiling(mux)
	return mux
}

// Zones asks for the state of the transferred zones.
func (c *Client) Zones(ctx context.Context) (list []ZoneStatus, err error) {
	return list, c.do(ctx, http.MethodGet, "/zones", nil, &list)
}
