package kresctl

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"knot-resolver/internal/config"
)

func (t *Tool) configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Look at the running configuration and change it", Args: wrongArgs(cobra.NoArgs), RunE: showHelp}
	c.AddCommand(
		t.configGetCommand(),
		t.change("set [FILE or VALUE]", "Set a part of the running configuration", http.MethodPut),
		t.change("patch [FILE or PATCH]", "Apply a JSON Patch (RFC 6902) to the running configuration", http.MethodPatch),
		t.configDeleteCommand(), t.historyCommand(), t.diffCommand(), t.rollbackCommand(),
	)
	return c
}

func (t *Tool) configGetCommand() *cobra.Command {
	var f format
	var pointer string
	c := &cobra.Command{
		Use: "get [FILE]", Short: "Print the configuration as written", Args: wrongArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := configPath(pointer)
			if err != nil {
				return err
			}
			text, err := t.call(c.Context(), http.MethodGet, path, nil)
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
			return t.deliver(text, args)
		},
	}
	c.Flags().StringVarP(&pointer, "path", "p", "", "JSON `POINTER` of the part to print")
	c.RegisterFlagCompletionFunc("path", completePointer)
	f.flags(c, "YAML")
	return c
}

func (t *Tool) validateCommand() *cobra.Command {
	var strict bool
	c := &cobra.Command{
		Use: "validate [FILE…]", Short: "Check configuration files",
		RunE: func(c *cobra.Command, files []string) error {
			if len(files) == 0 {
				files = []string{defaultConfig}
			}
			doc, err := config.Load(files)
			if err != nil {
				return err
			}
			warn := func(w config.Error) { fmt.Fprintf(t.Stderr, "warning: %v\n", w) }
			if _, err = doc.Validate(config.ValidateOptions{Strict: strict, Warn: warn}); err != nil {
				return err
			}
			if !strict {
				fmt.Fprintln(t.Stdout, "The configuration is valid. Paths were not looked at: --strict does that, "+
					"as the user that runs this command.")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&strict, "strict", false, "also check that paths exist and can be used")
	return c
}

func (t *Tool) schemaCommand() *cobra.Command {
	var live bool
	c := &cobra.Command{
		Use: "schema [FILE]", Short: "Print the JSON schema of the configuration", Args: wrongArgs(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			text := config.JSONSchema()
			if live {
				var err error
				if text, err = t.call(c.Context(), http.MethodGet, "/schema", nil); err != nil {
					return err
				}
			}
			text, err := asJSON(text)
			if err != nil {
				return err
			}
			return t.deliver(text, args)
		},
	}
	c.Flags().BoolVarP(&live, "live", "l", false, "ask the running resolver for its schema")
	return c
}

// changeAll is a command that puts the configuration in force as a whole.
func (t *Tool) changeAll(use, short string) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: use, Short: short, Args: wrongArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			path := "/" + use
			if force {
				path += "/force"
			}
			_, err := t.call(c.Context(), http.MethodPost, path, nil)
			return err
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace all workers even if nothing has changed")
	return c
}

func (t *Tool) stopCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stop", Short: "Stop the resolver", Args: wrongArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := t.call(c.Context(), http.MethodPost, "/stop", nil)
			return err
		},
	}
}
