package supervisor

import (
	"errors"
	"fmt"
	"strings"
)

// escapePercent protects text from supervisord's %-expansion, keeping ProcessNum.
func escapePercent(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	return strings.ReplaceAll(s, "%"+ProcessNum, ProcessNum)
}

// expand undoes escapePercent. Names other than those in vars are an error;
// ProcessNum stays.
func expand(s string, vars map[string]string) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return b.String() + s, nil
		}
		b.WriteString(s[:i])
		s = s[i:]
		if strings.HasPrefix(s, "%%") {
			b.WriteByte('%')
			s = s[2:]
			continue
		}
		end := strings.IndexByte(s, ')')
		if !strings.HasPrefix(s, "%(") || end < 0 || end+1 == len(s) || (s[end+1] != 's' && s[end+1] != 'd') {
			return "", fmt.Errorf("bad %%-expression at %q", s)
		}
		name := s[2:end]
		value, ok := vars[name]
		if !ok {
			return "", fmt.Errorf("unknown name %q in %%-expression", name)
		}
		b.WriteString(value)
		s = s[end+2:]
	}
}

// quoteArgs joins a command into one line.
func quoteArgs(command []string) string {
	args := make([]string, len(command))
	for i, arg := range command {
		args[i] = quoteArg(escapePercent(arg))
	}
	return strings.Join(args, " ")
}

// quoteArg quotes one argument for supervisord's shlex.split. A comment sign
// must never follow white space, not even inside quotes, because the INI parser
// cuts the line there before the quotes are looked at.
func quoteArg(arg string) string {
	if arg != "" && strings.Trim(arg, plainBytes) == "" {
		return arg
	}
	escaped := strings.NewReplacer("'", `'\''`, "#", `'\#'`, ";", `'\;'`).Replace(arg)
	return "'" + escaped + "'"
}

const plainBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%()_-+./:,=@"

// splitArgs splits a command line as Python's shlex.split does.
func splitArgs(line string) ([]string, error) {
	var args []string
	var arg strings.Builder
	var quote byte
	inArg := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == '\'' && c != '\'':
			arg.WriteByte(c)
		case c == '\\' && i+1 == len(line):
			return nil, errors.New("nothing after the last backslash")
		case c == '\\':
			i++
			if quote == '"' && line[i] != '"' && line[i] != '\\' {
				arg.WriteByte('\\')
			}
			arg.WriteByte(line[i])
			inArg = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			arg.WriteByte(c)
		case c == '\'' || c == '"':
			quote, inArg = c, true
		case c == ' ' || c == '\t':
			if inArg {
				args = append(args, arg.String())
				arg.Reset()
				inArg = false
			}
		default:
			arg.WriteByte(c)
			inArg = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("quote %c is not closed", quote)
	}
	if inArg {
		args = append(args, arg.String())
	}
	return args, nil
}

// quoteEnv quotes the value of one environment variable. The format has no
// escapes, so a value with both kinds of quotes, or a quote at either end,
// cannot be written.
func quoteEnv(value string) (string, error) {
	if strings.Trim(value, `'"`) != value {
		return "", errors.New("value begins or ends with a quote")
	}
	if !strings.Contains(value, `"`) {
		return `"` + value + `"`, nil
	}
	if !strings.Contains(value, "'") {
		return "'" + value + "'", nil
	}
	return "", errors.New("value holds both kinds of quotes")
}

// splitEnv parses KEY="value",KEY2=value2.
func splitEnv(s string) (map[string]string, error) {
	env := map[string]string{}
	for s = strings.TrimSpace(s); s != ""; {
		key, rest, ok := strings.Cut(s, "=")
		key = strings.TrimSpace(key)
		if !ok || !validEnvKey(key) {
			return nil, fmt.Errorf("expected KEY=value at %q", s)
		}
		value, after, err := envValue(strings.TrimLeft(rest, " \t"))
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", key, err)
		}
		env[key] = value
		after = strings.TrimSpace(after)
		if after != "" && after[0] != ',' {
			return nil, fmt.Errorf("variable %s: expected a comma at %q", key, after)
		}
		s = strings.TrimSpace(strings.TrimPrefix(after, ","))
	}
	return env, nil
}

func envValue(s string) (value, rest string, err error) {
	if s == "" || (s[0] != '"' && s[0] != '\'') {
		end := strings.IndexByte(s, ',')
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:], nil
	}
	end := strings.IndexByte(s[1:], s[0])
	if end < 0 {
		return "", "", fmt.Errorf("quote %c is not closed", s[0])
	}
	return s[1 : end+1], s[end+2:], nil
}

func validEnvKey(key string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"
	return key != "" && (key[0] < '0' || key[0] > '9') && strings.Trim(key, letters) == ""
}
