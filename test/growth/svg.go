package main

import (
	"bytes"
	"fmt"
	"math"
)

// Of the picture, in pixels.
const (
	width, height          = 640, 320
	left, right, top, foot = 60, 620, 30, 270
)

// draw makes a picture of the points: names on a logarithmic axis, costs on one that begins at 0.
func draw(points []point) []byte {
	first, last := math.Log10(float64(points[0].names)), math.Log10(float64(points[len(points)-1].names))
	most := 0.0
	for _, p := range points {
		most = max(most, p.query)
	}
	most = math.Ceil(max(most, 2*points[0].query) * 1.05)
	x := func(names int) float64 {
		return left + (right-left)*(math.Log10(float64(names))-first)/max(last-first, 1)
	}
	y := func(cost float64) float64 { return foot - (foot-top)*cost/most }
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for cost := 0.0; cost <= most; cost++ {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f µs</text>`+"\n", left, y(cost), right, left-6, y(cost)+4, cost)
	}
	for _, p := range points {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(p.names), foot+18, short(p.names))
	}
	goal := y(2 * points[0].query)
	fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#c33" stroke-dasharray="6 4"/><text x="%d" y="%.1f" fill="#c33">goal: twice the cost of the first</text>`+"\n", left, goal, right, left+6, goal-5)
	line(&b, "#1565c0", "CPU of a query over UDP", points, x, func(p point) float64 { return y(p.query) })
	line(&b, "#2e7d32", "of it without the socket", points, x, func(p point) float64 { return y(p.inline) })
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">names in the cache, asked for at random</text>`+"\n</svg>\n", (left+right)/2, foot+40)
	return b.Bytes()
}

// line draws one series and writes what it is above its middle.
func line(b *bytes.Buffer, color, what string, points []point, x func(int) float64, y func(point) float64) {
	fmt.Fprint(b, `<path fill="none" stroke-width="2" stroke="`+color+`" d="`)
	for i, p := range points {
		fmt.Fprintf(b, "%c%.1f %.1f", "ML"[min(i, 1)], x(p.names), y(p))
	}
	fmt.Fprint(b, `"/>`+"\n")
	for _, p := range points {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(p.names), y(p), color)
	}
	middle := points[len(points)/2]
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="%s">%s</text>`+"\n", x(middle.names), y(middle)-10, color, what)
}

// short writes a number of names.
func short(n int) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%g M", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%g k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
