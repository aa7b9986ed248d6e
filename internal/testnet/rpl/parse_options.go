package rpl

import "strings"

// options reads everything up to CONFIG_END.
func (p *parser) options() {
	if p.dialect == Deckard {
		p.flatOptions()
		return
	}
	p.clauseOptions()
}

// flatOptions reads one `key: value` a line.
func (p *parser) flatOptions() {
	for {
		line, ok := p.raw()
		if !ok {
			p.fail("end of file before CONFIG_END")
		}
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if strings.HasPrefix(line, "CONFIG_END") {
			return
		}
		if strings.HasPrefix(line, ";") {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		if key = strings.TrimSpace(key); key != "features" {
			value = uncomment(value)
		}
		p.s.Options = append(p.s.Options, Option{Key: key, Value: unquoted(strings.TrimSpace(value)), Line: p.at})
	}
}

func unquoted(value string) string {
	if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// clauseOptions reads Unbound's configuration language: tokens, whatever line they are on.
func (p *parser) clauseOptions() {
	o := optionReader{parser: p}
	for {
		line, ok := p.raw()
		if !ok {
			p.fail("end of file before CONFIG_END")
		}
		text := strings.TrimSpace(line)
		word, rest, _ := strings.Cut(text, " ")
		switch word {
		case "CONFIG_END":
			o.missing()
			return
		case "AUTOTRUST_FILE", "TEMPFILE_CONTENTS":
			o.file(word, strings.TrimSpace(rest))
		case "COMMANDLINE":
			p.fail("command lines are not supported")
		default:
			if !strings.HasPrefix(text, ";") {
				o.tokens(text)
			}
		}
	}
}

// optionReader puts tokens together to options.
type optionReader struct {
	*parser
	section string
	clause  int
	key     string // waits for its values
	values  []string
}

// valueCounts lists the options that have more than one value.
var valueCounts = map[string]int{"local-zone": 2, "local-zone-tag": 2, "local-zone-override": 3, "access-control": 2, "access-control-tag": 2,
	"access-control-view": 2, "access-control-tag-action": 3, "access-control-tag-data": 3, "response-ip": 2, "response-ip-tag": 2,
	"response-ip-data": 2}

// file reads the contents of a file.
func (o *optionReader) file(form, id string) {
	end := "TEMPFILE_END"
	if form == "AUTOTRUST_FILE" {
		end = "AUTOTRUST_END"
		o.s.Options = append(o.s.Options, Option{Section: "server", Key: "auto-trust-anchor-file", Value: id, Line: o.at})
	}
	o.s.Files[id] = o.until(end)
}

func (o *optionReader) tokens(line string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		token, quoted := "", false
		switch c := line[0]; c {
		case '#':
			return
		case '"', '\'':
			end := strings.IndexByte(line[1:], c)
			if end < 0 {
				o.fail("quotation without end: %q", line)
			}
			token, line, quoted = line[1:end+1], line[end+2:], true
		default:
			token, line = cutToken(line, o.key == "")
		}
		if token == "TEMPFILE_NAME" && !quoted {
			continue // the id that follows stands for the file
		}
		o.token(token, quoted)
	}
}

// cutToken cuts a bare word; a key ends with its colon.
func cutToken(line string, key bool) (token, rest string) {
	for i := range len(line) {
		switch c := line[i]; {
		case c == ' ' || c == '\t' || c == '#':
			return line[:i], line[i:]
		case key && c == ':':
			return line[:i+1], line[i+1:]
		}
	}
	return line, ""
}

func (o *optionReader) token(token string, quoted bool) {
	switch {
	case o.key != "":
		if o.values = append(o.values, token); len(o.values) >= valueCounts[o.key] {
			o.add(o.key, strings.Join(o.values, " "))
			o.key, o.values = "", nil
		}
	case quoted || !strings.HasSuffix(token, ":"):
		o.fail("option expected instead of %q", token)
	case isClause(strings.TrimSuffix(token, ":")):
		o.section = strings.TrimSuffix(token, ":")
		o.clause++
	default:
		o.key = strings.TrimSuffix(token, ":")
	}
}

func (o *optionReader) add(key, value string) {
	o.s.Options = append(o.s.Options, Option{Section: o.section, Clause: o.clause, Key: key, Value: value, Line: o.at})
}

func (o *optionReader) missing() {
	if o.key != "" {
		o.fail("option %s without value", o.key)
	}
}

func isClause(word string) bool {
	switch word {
	case "server", "stub-zone", "forward-zone", "auth-zone", "rpz", "view", "remote-control":
		return true
	}
	return false
}
