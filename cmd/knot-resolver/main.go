//go:debug rsa1024min=0

// Knot-resolver is the resolver's daemon in all of its roles.
package main

import (
	"os"

	"knot-resolver/app"
)

func main() {
	a := app.App{Version: "0.1.0", NewEngine: app.Resolving, Stdout: os.Stdout, Stderr: os.Stderr}
	os.Exit(a.Main(os.Args[1:]))
}
