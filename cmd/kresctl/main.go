// Kresctl controls a running Knot Resolver.
package main

import (
	"os"

	"knot-resolver/internal/kresctl"
)

func main() {
	t := kresctl.Tool{Version: "0.1.0", Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(t.Main(os.Args[1:]))
}
