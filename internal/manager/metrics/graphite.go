package metrics

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"knot-resolver/internal/limits"
)

// Graphite is a receiver of metrics in Graphite's line protocol.
type Graphite struct {
	Host   string
	Port   uint16
	TCP    bool   // one connection for each transmission; otherwise datagrams
	Prefix string // before each name
}

// Push sends everything that the source has.
func (g *Graphite) Push(ctx context.Context, source prometheus.Gatherer, now time.Time) error {
	lines, err := g.lines(source, now)
	if err != nil {
		return fmt.Errorf("graphite: %w", err)
	}
	network := "udp"
	if g.TCP {
		network = "tcp"
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, net.JoinHostPort(g.Host, strconv.Itoa(int(g.Port))))
	if err != nil {
		return fmt.Errorf("graphite: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetWriteDeadline(deadline)
	}
	for len(lines) > 0 {
		n := len(lines)
		if !g.TCP {
			n = datagram(lines)
		}
		if _, err := conn.Write(lines[:n]); err != nil {
			return fmt.Errorf("graphite: %w", err)
		}
		lines = lines[n:]
	}
	return nil
}

// datagram returns how much of the lines fits into one: whole lines, at least one.
func datagram(lines []byte) int {
	if len(lines) <= limits.GraphiteDatagram {
		return len(lines)
	}
	if end := bytes.LastIndexByte(lines[:limits.GraphiteDatagram], '\n'); end >= 0 {
		return end + 1
	}
	return bytes.IndexByte(lines, '\n') + 1
}

// lines writes "prefix.name.label.value number seconds", labels in order of their names, as the
// original does. What is no number is left out.
func (g *Graphite) lines(source prometheus.Gatherer, now time.Time) ([]byte, error) {
	families, err := source.Gather()
	if len(families) == 0 && err != nil {
		return nil, err
	}
	var b []byte
	for _, f := range families {
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.TimeFromUnix(now.Unix())}, f)
		if err != nil {
			return nil, err
		}
		for _, s := range samples {
			if v := float64(s.Value); math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			b = append(b, g.path(s.Metric)...)
			b = append(b, ' ')
			b = strconv.AppendFloat(b, float64(s.Value), 'f', -1, 64)
			b = append(b, ' ')
			b = strconv.AppendInt(b, now.Unix(), 10)
			b = append(b, '\n')
		}
	}
	return b, nil
}

func (g *Graphite) path(m model.Metric) string {
	var parts []string
	for name, value := range m {
		if name != model.MetricNameLabel {
			parts = append(parts, plain(string(name))+"."+plain(string(value)))
		}
	}
	slices.Sort(parts)
	parts = slices.Insert(parts, 0, plain(string(m[model.MetricNameLabel])))
	if g.Prefix != "" {
		parts = slices.Insert(parts, 0, g.Prefix)
	}
	return strings.Join(parts, ".")
}

// plain replaces what means something to Graphite.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, s)
}
