// Man writes the manual pages of the programs into the directory that is its argument.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"knot-resolver/app"
	"knot-resolver/internal/kresctl"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man DIRECTORY")
		os.Exit(2)
	}
	for _, c := range []*cobra.Command{(&app.App{}).Command(), (&kresctl.Tool{}).Command()} {
		c.DisableAutoGenTag = true // the same text every time
		header := &doc.GenManHeader{Section: "8", Source: "Knot Resolver", Manual: "Knot Resolver"}
		if err := doc.GenManTree(c, header, os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, "man:", err)
			os.Exit(1)
		}
	}
}
