package kresctl

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"knot-resolver/internal/control"
	"knot-resolver/internal/explain"
)

func (t *Tool) metricsCommand() *cobra.Command {
	var prometheus bool
	c := &cobra.Command{
		Use: "metrics [FILE]", Short: "Print the counters of all workers", Args: wrongArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			path := "/metrics/json"
			if prometheus {
				path = "/metrics/prometheus"
			}
			text, err := t.call(c.Context(), http.MethodGet, path, nil)
			if err == nil && !prometheus {
				text, err = asJSON(text)
			}
			if err != nil {
				return err
			}
			return t.deliver(text, args)
		},
	}
	c.Flags().BoolVar(&prometheus, "prometheus", false, "print the format of Prometheus")
	return c
}

func (t *Tool) cacheCommand() *cobra.Command {
	c := &cobra.Command{Use: "cache", Short: "Work on the cache", Args: wrongArgs(cobra.NoArgs), RunE: showHelp}
	c.AddCommand(t.cacheClearCommand())
	return c
}

func (t *Tool) cacheClearCommand() *cobra.Command {
	var f format
	var what control.CacheClear
	c := &cobra.Command{
		Use: "clear [NAME]", Short: "Remove records of a name and all below it, or everything", Args: wrongArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				what.Name = args[0]
			}
			if what.RRType != "" && !what.ExactName {
				return fmt.Errorf("--rr-type needs --exact-name")
			}
			if c.Flags().Changed("chunk-size") && what.ChunkSize < 1 {
				return fmt.Errorf("--chunk-size has to be positive")
			}
			text, err := t.call(c.Context(), http.MethodPost, "/cache/clear", what)
			if err != nil {
				return err
			}
			if f.json {
				text, err = asJSON(text)
			} else {
				text, err = asYAML(text)
			}
			if err != nil {
				return err
			}
			return t.deliver(text, nil)
		},
	}
	c.Flags().BoolVar(&what.ExactName, "exact-name", false, "only the name itself")
	c.Flags().StringVar(&what.RRType, "rr-type", "", "only this type; needs --exact-name")
	c.Flags().IntVar(&what.ChunkSize, "chunk-size", 0, "records removed at a time (default 100)")
	f.flags(c, "YAML")
	return c
}

func (t *Tool) pidsCommand() *cobra.Command {
	var asList bool
	c := &cobra.Command{
		Use: "pids [kresd|gc|all]", Short: "Print the process ids", Args: wrongArgs(cobra.MaximumNArgs(1)),
		ValidArgs: []string{"kresd", "gc", "all"},
		RunE: func(c *cobra.Command, args []string) error {
			kind := "all"
			if len(args) == 1 {
				kind = args[0]
			}
			text, err := t.call(c.Context(), http.MethodGet, "/processes/"+url.PathEscape(kind), nil)
			if err != nil {
				return err
			}
			if asList {
				var b bytes.Buffer
				json.Indent(&b, text, "", "  ") // an answer that is no JSON is printed as it is
				if b.Len() == 0 {
					b.Write(text)
				}
				_, err = t.Stdout.Write(b.Bytes())
				return err
			}
			var list []struct{ PID int }
			if err := json.Unmarshal(text, &list); err != nil {
				return fmt.Errorf("answer of the manager: %w", err)
			}
			for _, p := range list {
				fmt.Fprintln(t.Stdout, p.PID)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asList, "json", false, "print JSON with types and states")
	return c
}

func (t *Tool) explainCommand() *cobra.Command {
	var raw bool
	c := &cobra.Command{
		Use: "explain NAME [TYPE]", Short: "Resolve a name and tell what happened", Args: wrongArgs(cobra.RangeArgs(1, 2)),
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{"name": {args[0]}}
			if len(args) == 2 {
				q.Set("type", args[1])
			}
			var trace explain.Trace
			return t.report(c.Context(), "/explain?"+q.Encode(), raw, &trace, func() error { return explain.Render(t.Stdout, &trace) })
		},
	}
	c.Flags().BoolVar(&raw, "json", false, "print the trace as JSON")
	return c
}

// report prints what the manager tells about a name: its JSON, or into rendered as text.
func (t *Tool) report(ctx context.Context, path string, raw bool, into any, render func() error) error {
	text, err := t.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if raw {
		if text, err = asJSON(text); err != nil {
			return err
		}
		return t.deliver(text, nil)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("answer of the manager: %w", err)
	}
	return render()
}
