package kresctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// version is an entry of the manager's list of configurations.
type version struct {
	Version uint64
	Time    time.Time
	Origin  string
}

func (t *Tool) versions(ctx context.Context) (list []version, err error) {
	text, err := t.call(ctx, http.MethodGet, "/v1/versions", nil)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("answer of the manager: %w", err)
	}
	return list, nil
}

func (t *Tool) historyCommand() *cobra.Command {
	var asList bool
	c := &cobra.Command{
		Use: "history", Short: "List the configurations that have been in force, the present one last", Args: wrongArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if asList {
				text, err := t.call(c.Context(), http.MethodGet, "/v1/versions", nil)
				if err == nil {
					text, err = asJSON(text)
				}
				if err != nil {
					return err
				}
				return t.deliver(text, nil)
			}
			list, err := t.versions(c.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
			for _, v := range list {
				fmt.Fprintf(w, "%d\t%s\t%s\n", v.Version, v.Time.Format(time.RFC3339), v.Origin)
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asList, "json", false, "print JSON")
	return c
}

func (t *Tool) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use: "diff [FROM [TO]]", Short: "Print what differs between two configurations", Args: wrongArgs(cobra.MaximumNArgs(2)),
		Long: "Print what differs between two configurations that have been in force: by default the last two, " +
			"with one number that one and the present one. Lines are marked with - and +.",
		RunE: func(c *cobra.Command, args []string) error {
			from, to, err := t.pair(c.Context(), args)
			if err != nil {
				return err
			}
			text, err := t.call(c.Context(), http.MethodGet, "/v1/versions/"+to+"/diff?from="+from, nil)
			if err != nil {
				return err
			}
			var list []struct {
				Pointer       string
				Before, After json.RawMessage
			}
			if err := json.Unmarshal(text, &list); err != nil {
				return fmt.Errorf("answer of the manager: %w", err)
			}
			for _, d := range list {
				t.side("-", d.Pointer, d.Before)
				t.side("+", d.Pointer, d.After)
			}
			return nil
		},
	}
}

// side prints one side of a difference, nothing for an option that is not set.
func (t *Tool) side(mark, pointer string, value json.RawMessage) {
	if value != nil {
		fmt.Fprintf(t.Stdout, "%s %s: %s\n", mark, pointer, value)
	}
}

// pair finds the versions to compare.
func (t *Tool) pair(ctx context.Context, args []string) (from, to string, err error) {
	if len(args) == 2 {
		return args[0], args[1], nil
	}
	list, err := t.versions(ctx)
	if err != nil {
		return "", "", err
	}
	if len(list)+len(args) < 2 {
		return "", "", errNoEarlier
	}
	to = fmt.Sprint(list[len(list)-1].Version)
	if len(args) == 1 {
		return args[0], to, nil
	}
	return fmt.Sprint(list[len(list)-2].Version), to, nil
}

var errNoEarlier = errors.New("there is no earlier configuration")

func (t *Tool) rollbackCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rollback [VERSION]", Short: "Put an earlier configuration in force again, by default the last but one", Args: wrongArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				from, _, err := t.pair(c.Context(), nil)
				if err != nil {
					return err
				}
				args = []string{from}
			}
			_, err := t.call(c.Context(), http.MethodPost, "/v1/versions/"+args[0]+"/rollback", nil)
			return err
		},
	}
}
