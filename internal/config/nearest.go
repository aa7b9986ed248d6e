package config

import "strings"

// nearest returns the word that s is most likely a typing mistake of, or "".
func nearest(s string, words []string) string {
	const most = 2 // edits; more than that is guessing
	s = strings.ReplaceAll(strings.ToLower(s), "_", "-")
	best, found := most+1, ""
	for _, w := range words {
		if d := distance(s, w); d < best && d < len(w) {
			best, found = d, w
		}
	}
	return found
}

// distance is the number of single-character edits from a to b. Long inputs are
// not compared, so that it stays cheap.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
