// Command growth measures what a hit costs as the shared cache grows: a worker with its socket in this process, a client in
// another that asks for names drawn at random, all alike.
//
//	go run ./test/growth [-names 10000,100000,1000000,5000000] [-dir DIR] [-svg docs/growth.svg]
package main

import (
	"cmp"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"
)

// point is what was measured with so many names.
type point struct {
	names  int
	query  float64 // µs of CPU of the resolver for a query over UDP
	inline float64 // µs for it without the socket
	bytes  int64   // of the cache in use
}

func main() {
	log.SetFlags(0)
	names := flag.String("names", "10000,100000,1000000,5000000", "numbers of names in the cache, ascending")
	dir := flag.String("dir", os.TempDir(), "where the cache file is made")
	svg := flag.String("svg", "", "file for the picture")
	ask := flag.String("ask", "", "be the client of this address")
	flag.Parse()
	sizes, err := parse(*names)
	if err == nil && *ask != "" {
		err = client(*ask, sizes[0])
	} else if err == nil {
		err = run(sizes, *dir, *svg)
	}
	if err != nil {
		log.Fatal("growth: ", err)
	}
}

func parse(list string) (sizes []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("%q is no number of names", text)
		}
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	return sizes, nil
}

func run(sizes []int, dir, svg string) error {
	r, err := newResolver(dir, sizes[len(sizes)-1])
	if err != nil {
		return err
	}
	defer r.close()
	fmt.Println("| names | cache MB | CPU µs/query over UDP | of it inline | ratio |")
	fmt.Println("|---|---|---|---|---|")
	var points []point
	for _, n := range sizes {
		p, err := r.measure(n)
		if err != nil {
			return err
		}
		points = append(points, p)
		fmt.Printf("| %d | %d | %.2f | %.2f | %.2f |\n", p.names, p.bytes>>20, p.query, p.inline, p.query/points[0].query)
	}
	if svg == "" {
		return nil
	}
	return os.WriteFile(svg, draw(points), 0o644)
}

// median of some runs.
func median[T cmp.Ordered](runs []T) T {
	slices.Sort(runs)
	return runs[len(runs)/2]
}
