package kresctl

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"knot-resolver/internal/config"
)

// convertCommand prints what the original's command of this name has Lua for.
func (t *Tool) convertCommand() *cobra.Command {
	var strict bool
	var kind, output string
	c := &cobra.Command{
		Use: "convert [FILE…]", Short: "Print configuration files as the processes see them, as JSON",
		Long: "Check configuration files and print them with every default, derived value and absolute path filled in, as JSON.",
		RunE: func(_ *cobra.Command, files []string) error {
			if kind != "worker" && kind != "policy-loader" {
				return usageError{fmt.Errorf("--type is worker or policy-loader, not %q", kind)}
			}
			if len(files) == 0 {
				files = []string{defaultConfig}
			}
			doc, err := config.Load(files)
			if err != nil {
				return err
			}
			cfg, err := doc.Normalise(config.ValidateOptions{Strict: strict})
			if err != nil {
				return err
			}
			var what any = cfg
			if kind == "policy-loader" {
				what = map[string]any{"LocalData": cfg.LocalData}
			}
			text, err := json.Marshal(what)
			if err == nil {
				text, err = asJSON(text)
			}
			if err != nil {
				return err
			}
			if output != "" {
				return t.deliver(text, []string{output})
			}
			return t.deliver(text, nil)
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "also check that paths exist and can be used")
	c.Flags().StringVar(&kind, "type", "worker", "what to print: worker or policy-loader")
	c.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`")
	return c
}
