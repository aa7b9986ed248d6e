package kresctl

import (
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"knot-resolver/internal/control"
)

func (t *Tool) zonesCommand() *cobra.Command {
	var raw bool
	c := &cobra.Command{
		Use: "zones", Short: "Print the state of the zones that are transferred from primaries", Args: wrongArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := t.call(c.Context(), http.MethodGet, "/zones", nil)
			if err != nil {
				return err
			}
			if raw {
				if text, err = asJSON(text); err != nil {
					return err
				}
				return t.deliver(text, nil)
			}
			var list []control.ZoneStatus
			if err := json.Unmarshal(text, &list); err != nil {
				return fmt.Errorf("answer of the manager: %w", err)
			}
			return t.printZones(list)
		},
	}
	c.Flags().BoolVar(&raw, "json", false, "print JSON")
	return c
}

func (t *Tool) printZones(list []control.ZoneStatus) error {
	w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ZONE\tSERIAL\tRECORDS\tCHANGED\tCHECKED\tSTATE")
	for _, z := range list {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\n", z.Zone, z.Serial, z.Records, moment(z.Changed), moment(z.Checked), zoneState(&z))
	}
	return w.Flush()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

func zoneState(z *control.ZoneStatus) string {
	state := "current"
	switch {
	case z.Changed.IsZero():
		state = "no copy yet"
	case z.Expired:
		state = "expired"
	}
	if z.Error != "" {
		state += "; " + z.Error
	}
	return state
}
