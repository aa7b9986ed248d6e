package kresctl

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"knot-resolver/internal/config"
)

// configPath is the place of a part of the configuration in the API.
func configPath(pointer string) (string, error) {
	if pointer != "" && !strings.HasPrefix(pointer, "/") {
		return "", usageError{fmt.Errorf("--path %q: a JSON pointer starts with /", pointer)}
	}
	path := url.URL{Path: "/v1/config" + pointer}
	return path.EscapedPath(), nil
}

// change is a command that sends a value to a part of the configuration.
func (t *Tool) change(use, short, method string) *cobra.Command {
	var pointer string
	c := &cobra.Command{
		Use: use, Short: short, Args: wrongArgs(cobra.MaximumNArgs(1)),
		Long: short + ". The argument is a file, or the text itself; - is standard input. " +
			"Without one a line is read from standard input.",
		RunE: func(c *cobra.Command, args []string) error {
			path, err := configPath(pointer)
			if err != nil {
				return err
			}
			text, name, err := t.input(args)
			if err != nil {
				return err
			}
			value, err := config.ParseValue(text, name)
			if err != nil {
				return err
			}
			_, err = t.call(c.Context(), method, path, json.RawMessage(value))
			return err
		},
	}
	c.Flags().StringVarP(&pointer, "path", "p", "", "JSON `POINTER` of the part to change")
	c.RegisterFlagCompletionFunc("path", completePointer)
	return c
}

// input returns what a command works on and how errors call it.
func (t *Tool) input(args []string) (text []byte, name string, err error) {
	if len(args) == 0 {
		fmt.Fprint(t.Stderr, "value: ")
		line, err := bufio.NewReader(t.Stdin).ReadString('\n')
		if err != nil && line == "" {
			return nil, "", fmt.Errorf("no value: %w", err)
		}
		return []byte(line), "standard input", nil
	}
	if args[0] == "-" {
		text, err = io.ReadAll(t.Stdin)
		return text, "standard input", err
	}
	text, err = os.ReadFile(args[0])
	if err == nil || errors.Is(err, os.ErrPermission) {
		return text, args[0], err
	}
	return []byte(args[0]), "argument", nil // no such file
}

func (t *Tool) configDeleteCommand() *cobra.Command {
	var pointer string
	c := &cobra.Command{
		Use: "delete", Short: "Delete a part of the running configuration", Args: wrongArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := configPath(pointer)
			if err != nil {
				return err
			}
			_, err = t.call(c.Context(), http.MethodDelete, path, nil)
			return err
		},
	}
	c.Flags().StringVarP(&pointer, "path", "p", "", "JSON `POINTER` of the part to delete; everything without it")
	c.RegisterFlagCompletionFunc("path", completePointer)
	return c
}
