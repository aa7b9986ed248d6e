package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// domainName is a DNS name; its value is a string in lower case and punycode,
// with a trailing dot.
func domainName() scalar {
	return scalar{"a domain name", text(func(s string) (any, error) {
		return canonicalName(s)
	}), jsonObject{"type": "string", "minLength": 1}}
}

// idn maps labels the way a browser does, but lets through what is common in
// DNS: underscores and asterisks.
var idn = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.Transitional(false))

func canonicalName(s string) (string, error) {
	if s == "." {
		return s, nil
	}
	const longest = 253
	name := strings.TrimSuffix(s, ".")
	if !isASCII(name) {
		var err error
		if name, err = idn.ToASCII(name); err != nil {
			return "", errors.New(strings.TrimPrefix(err.Error(), "idna: "))
		}
	}
	if name == "" {
		return "", errors.New("it is empty; the root is written as a dot")
	}
	if len(name) > longest {
		return "", fmt.Errorf("longer than %d characters", longest)
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	return strings.ToLower(name) + ".", nil
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

func checkLabel(label string) error {
	const longest = 63
	switch {
	case label == "":
		return errors.New("empty label between dots")
	case len(label) > longest:
		return fmt.Errorf("label %q is longer than %d characters", label, longest)
	case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
		return fmt.Errorf("label %q begins or ends with a hyphen", label)
	case strings.ContainsAny(label, " \t\r\n"):
		return fmt.Errorf("label %q has white space", label)
	}
	return nil
}

// tag is a name that connects views and rules.
func tag() Type {
	const pattern = `^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	valid := regexp.MustCompile(pattern)
	return scalar{"a tag of lower-case letters, digits and inner hyphens", text(func(s string) (any, error) {
		if !valid.MatchString(s) {
			return nil, errMismatch
		}
		return s, nil
	}), jsonObject{"type": "string", "pattern": pattern}}
}

// pinSHA256 is the SHA-256 digest of a public key (RFC 7858 section 4.2).
func pinSHA256() Type {
	return scalar{"a SHA-256 pin in base64 (43 characters and =)", text(func(s string) (any, error) {
		if raw, err := base64.StdEncoding.DecodeString(s); err != nil || len(raw) != 32 {
			return nil, errMismatch
		}
		return s, nil
	}), jsonObject{"type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"}}
}

// longSecret is a text of at least 32 bytes.
func longSecret() Type {
	const shortest = 32
	return scalar{fmt.Sprintf("a secret of at least %d bytes", shortest), text(func(s string) (any, error) {
		if len(s) < shortest {
			return nil, errMismatch
		}
		return s, nil
	}), jsonObject{"type": "string", "minLength": shortest}}
}
