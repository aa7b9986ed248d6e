package config

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var errMappedAddr = errors.New("write the IPv4 address itself")

// ipAddress is an address of either family; its value is a netip.Addr.
func ipAddress() Type {
	return scalar{"an IP address", text(func(s string) (any, error) { return parseAddr(s) }), jsonObject{"type": "string"}}
}

func ipv4Address() Type {
	return scalar{"an IPv4 address", text(func(s string) (any, error) {
		a, err := parseAddr(s)
		if err != nil || !a.Is4() {
			return nil, errMismatch
		}
		return a, nil
	}), jsonObject{"type": "string", "format": "ipv4"}}
}

func ipv6Address() Type {
	return scalar{"an IPv6 address", text(func(s string) (any, error) {
		a, err := parseAddr(s)
		if err != nil || !a.Is6() {
			return nil, errMismatch
		}
		return a, nil
	}), jsonObject{"type": "string"}}
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return a, errMismatch
	}
	if a.Is4In6() {
		return a, errMappedAddr
	}
	return a, nil
}

// exactAddress is an address with an exclamation mark: not a prefix but itself.
func exactAddress() Type {
	return scalar{"an IP address followed by !", text(func(s string) (any, error) {
		bare, ok := strings.CutSuffix(s, "!")
		if !ok {
			return nil, errMismatch
		}
		if _, err := parseAddr(bare); err != nil {
			return nil, err
		}
		return s, nil
	}), jsonObject{"type": "string"}}
}

// subnet is a network with all host bits zero; a bare address is a subnet of
// one. Its value is a netip.Prefix.
func subnet() Type {
	return scalar{"a subnet such as 192.0.2.0/24", text(func(s string) (any, error) {
		return parsePrefix(s)
	}), jsonObject{"type": "string"}}
}

func ipv6Network() Type {
	return scalar{"an IPv6 subnet such as 2001:db8::/32", text(func(s string) (any, error) {
		p, err := parsePrefix(s)
		if err != nil {
			return nil, err
		}
		if !p.Addr().Is6() {
			return nil, errMismatch
		}
		return p, nil
	}), jsonObject{"type": "string"}}
}

// nat64Prefix is a subnet that can carry an IPv4 address (RFC 6052 section 2.2).
func nat64Prefix() Type {
	return scalar{"an IPv6 subnet of length /32, /40, /48, /56, /64 or /96", text(func(s string) (any, error) {
		if !strings.Contains(s, "/") {
			return nil, errors.New("add the length, such as /96")
		}
		p, err := parsePrefix(s)
		if err != nil {
			return nil, err
		}
		if !p.Addr().Is6() || !slices.Contains([]int{32, 40, 48, 56, 64, 96}, p.Bits()) {
			return nil, errMismatch
		}
		return p, nil
	}), jsonObject{"type": "string", "pattern": "/(32|40|48|56|64|96)$"}}
}

func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := parseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, errMismatch
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, errMismatch
	}
	if p != p.Masked() {
		return p, fmt.Errorf("host bits are set; did you mean %s?", p.Masked())
	}
	return p, nil
}

// endpoint is the value of types with an optional or required @port.
type endpoint struct {
	addr netip.Addr
	name string // of an interface, when addr is invalid
	port uint16 // 0 = not given
}

// interfacePort is an address or interface name, with an optional port.
func interfacePort() Type {
	return scalar{"an IP address or interface name, optionally with @port", text(func(s string) (any, error) {
		host, port, err := splitPort(s)
		if err != nil {
			return nil, err
		}
		if a, err := parseAddr(host); err == nil {
			return endpoint{addr: a, port: port}, nil
		} else if err == errMappedAddr {
			return nil, err
		}
		if err := checkInterfaceName(host); err != nil {
			return nil, err
		}
		return endpoint{name: host, port: port}, nil
	}), jsonObject{"type": "string"}}
}

// addressPort is an address with a port, which is optional when orNone.
func addressPort(orNone bool) Type {
	name := "an IP address with @port"
	if orNone {
		name = "an IP address, optionally with @port"
	}
	return scalar{name, text(func(s string) (any, error) {
		host, port, err := splitPort(s)
		if err != nil {
			return nil, err
		}
		a, err := parseAddr(host)
		if err != nil {
			return nil, err
		}
		if port == 0 && !orNone {
			return nil, errors.New("the port is missing")
		}
		return endpoint{addr: a, port: port}, nil
	}), jsonObject{"type": "string"}}
}

func splitPort(s string) (host string, port uint16, err error) {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return s, 0, nil
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q is not a port from 1 to 65535", s[i+1:])
	}
	return s[:i], uint16(n), nil
}

var (
	interfaceName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	digitsAndDots = regexp.MustCompile(`^[0-9.]+$`)
)

func checkInterfaceName(s string) error {
	const longest = 15 // IFNAMSIZ without the final zero
	switch {
	case strings.Contains(s, ":"):
		return errors.New("a port is written as @port")
	case !interfaceName.MatchString(s) || digitsAndDots.MatchString(s):
		return errMismatch
	case len(s) > longest:
		return fmt.Errorf("an interface name has at most %d characters", longest)
	}
	return nil
}
