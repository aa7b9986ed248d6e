package supervisor

import (
	"fmt"
	"strings"
)

// section is one [name] of an INI file with its settings in order.
type section struct {
	name     string
	line     int
	settings []setting
}

type setting struct {
	key, value string
	line       int
}

// parseINI reads the part of Python's configparser format that is used here:
// sections, key=value or key: value, comments from ';' or '#' at the beginning
// of a line or after white space. Continuation lines are refused.
func parseINI(text string) ([]section, error) {
	var sections []section
	for i, line := range strings.Split(text, "\n") {
		num := i + 1
		indented := strings.TrimLeft(line, " \t") != line
		line = strings.TrimSpace(cutComment(line))
		if line == "" {
			continue
		}
		if indented {
			return nil, fmt.Errorf("line %d: continuation lines are not supported", num)
		}
		if strings.HasPrefix(line, "[") {
			name, ok := strings.CutSuffix(line[1:], "]")
			if !ok || name == "" || strings.ContainsAny(name, "[]") {
				return nil, fmt.Errorf("line %d: bad section header %q", num, line)
			}
			sections = append(sections, section{name: name, line: num})
			continue
		}
		if len(sections) == 0 {
			return nil, fmt.Errorf("line %d: setting outside of a section", num)
		}
		at := strings.IndexAny(line, "=:")
		if at <= 0 {
			return nil, fmt.Errorf("line %d: expected key=value, found %q", num, line)
		}
		last := &sections[len(sections)-1]
		last.settings = append(last.settings, setting{
			key:   strings.ToLower(strings.TrimSpace(line[:at])),
			value: strings.TrimSpace(line[at+1:]),
			line:  num,
		})
	}
	return sections, nil
}

// cutComment removes a comment and the text after it.
func cutComment(line string) string {
	for i := 0; i < len(line); i++ {
		if line[i] != ';' && line[i] != '#' {
			continue
		}
		if i == 0 || line[i-1] == ' ' || line[i-1] == '\t' {
			return line[:i]
		}
	}
	return line
}
