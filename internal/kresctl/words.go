package kresctl

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// completionCommand makes completion scripts, and answers those of the original, which ask with --args for the words of a
// command line.
func (t *Tool) completionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	c, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic("BUG: no completion command: " + err.Error())
	}
	c.Use = "completion [--bash|--fish] [--args WORDS…]"
	c.Long += "\n\n--bash --args WORDS… prints what the last of the words of a command line may be, in one line, as scripts of the original " +
		"ask for it; #dirnames#, #filenames# and #nospace# tell what else may follow. With --fish nothing is printed."
	c.DisableFlagParsing = true
	c.ValidArgsFunction = nil
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		shell := ""
		for i, arg := range args {
			switch arg {
			case "--bash", "--fish":
				if shell != "" {
					return usageError{fmt.Errorf("--bash and --fish exclude each other")}
				}
				shell = arg
			case "--args":
				if shell != "--bash" {
					return nil
				}
				return t.completeWords(args[i+1:])
			case "-h", "--help":
				return c.Help()
			default:
				return usageError{fmt.Errorf("unknown argument %q\nTry 'kresctl completion --help'.", arg)}
			}
		}
		if shell == "" {
			return c.Help()
		}
		return nil
	}
}

// completeWords prints the candidates for the last word in one line.
func (t *Tool) completeWords(words []string) error {
	if len(words) == 0 {
		words = []string{""}
	}
	var out bytes.Buffer
	ask := Tool{Version: t.Version, Stdin: t.Stdin, Stdout: &out, Stderr: io.Discard}
	root := ask.Command()
	root.SetArgs(append([]string{cobra.ShellCompNoDescRequestCmd}, words...))
	if err := root.Execute(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(t.Stdout, strings.Join(candidates(out.String()), " "))
	return err
}

// candidates are those that cobra has printed, one a line, and the markers for its last line, which is a colon and a number.
func candidates(printed string) (list []string) {
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	last := lines[len(lines)-1]
	number, err := strconv.Atoi(strings.TrimPrefix(last, ":"))
	if err != nil {
		return nil
	}
	directive := cobra.ShellCompDirective(number)
	lines = lines[:len(lines)-1]
	switch {
	case directive&cobra.ShellCompDirectiveError != 0:
		return nil
	case directive&cobra.ShellCompDirectiveFilterDirs != 0:
		return []string{"#dirnames#"}
	case directive&(cobra.ShellCompDirectiveFilterFileExt) != 0:
		return []string{"#filenames#"}
	case len(lines) == 0 && directive&cobra.ShellCompDirectiveNoFileComp == 0:
		return []string{"#filenames#"}
	}
	if directive&cobra.ShellCompDirectiveNoSpace != 0 {
		lines = append(lines, "#nospace#")
	}
	return lines
}
