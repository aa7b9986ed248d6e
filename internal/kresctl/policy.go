package kresctl

import (
	"net/url"

	"github.com/spf13/cobra"

	"knot-resolver/internal/explain"
)

func (t *Tool) policyCommand() *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Work on views, local data and response policy zones", Args: wrongArgs(cobra.NoArgs), RunE: showHelp}
	c.AddCommand(t.policyTestCommand())
	return c
}

func (t *Tool) policyTestCommand() *cobra.Command {
	var raw bool
	var client, protocol string
	c := &cobra.Command{
		Use: "test NAME [TYPE]", Short: "Tell what the rules would do to a query, without asking it", Args: wrongArgs(cobra.RangeArgs(1, 2)),
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{"name": {args[0]}}
			if len(args) == 2 {
				q.Set("type", args[1])
			}
			for key, value := range map[string]string{"client": client, "proto": protocol} {
				if value != "" {
					q.Set(key, value)
				}
			}
			var report explain.Policy
			return t.report(c.Context(), "/policy/test?"+q.Encode(), raw, &report, func() error { return explain.RenderPolicy(t.Stdout, &report) })
		},
	}
	c.Flags().BoolVar(&raw, "json", false, "print JSON")
	c.Flags().StringVar(&client, "client", "", "`ADDRESS` of the client (default: somebody without a view)")
	c.Flags().StringVar(&protocol, "proto", "", "`PROTOCOL`: udp53, tcp53, dot, doh or doq (default udp53)")
	return c
}
