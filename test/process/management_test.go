package process

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// manage writes the management section anew; the API is on TCP port 21900 then.
func (s *system) manage(management string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	management = strings.ReplaceAll(management, "ADDRESS", s.addr)
	text = bytes.Replace(text, []byte("management:\n  unix-socket: run/kres-api.sock\n"), []byte("management:\n"+management), 1)
	if err := os.WriteFile(s.config, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// certificate writes a certificate for a name and its key, signed by itself.
func (s *system) certificate(name string) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.ParseIP(s.addr)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		".crt": {Type: "CERTIFICATE", Bytes: cert}, ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(s.path(name+file), pem.EncodeToMemory(block), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// run runs kresctl with nothing but the given arguments.
func (s *system) run(args ...string) (output string, status int) {
	s.t.Helper()
	c := exec.Command(filepath.Join(binaries, "kresctl"), args...)
	out, err := c.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		s.t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// The API on TCP with TLS: tokens and certificates give rights.
func TestManagementRoles(t *testing.T) {
	t.Parallel()
	s := prepare(t, options{})
	s.certificate("api.example")
	s.certificate("boss.example")
	for role, token := range map[string]string{"read": "read-0123456789abcdef", "config": "conf-0123456789abcdef"} {
		if err := os.WriteFile(s.path(role+".token"), []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.manage(`  interface: ADDRESS@21900
  tls: {cert-file: api.example.crt, key-file: api.example.key, ca-file: boss.example.crt}
  access:
    - {role: read, token-file: read.token}
    - {role: config, token-file: config.token}
    - {role: admin, client: boss.example}
`)
	s.launch("")
	s.waitLog("everything started")
	at := []string{"-s", "https://" + net.JoinHostPort(s.addr, "21900"), "--ca-file", s.path("api.example.crt")}
	as := func(keys ...string) func(args ...string) (string, int) {
		return func(args ...string) (string, int) {
			return s.run(append(append(at[:len(at):len(at)], keys...), args...)...)
		}
	}
	nobody, reader := as(), as("--token-file", s.path("read.token"))
	editor := as("--token-file", s.path("config.token"))
	boss := as("--cert-file", s.path("boss.example.crt"), "--key-file", s.path("boss.example.key"))
	for _, test := range []struct {
		who    string
		do     func(args ...string) (string, int)
		args   string
		status int
		output string
	}{
		{"nobody", nobody, "config get", 1, "status: 401"},
		{"reader", reader, "config get -p /workers", 0, "1\n"},
		{"reader", reader, "cache clear", 1, "status: 403"},
		{"reader", reader, "config set -p /workers 2", 1, "status: 403"},
		{"editor", editor, "cache clear", 0, "count"},
		{"editor", editor, "config set -p /workers 2", 0, ""},
		{"editor", editor, "stop", 1, "status: 403"},
		{"boss", boss, "config get -p /workers", 0, "2\n"},
	} {
		if out, status := test.do(strings.Fields(test.args)...); status != test.status || !strings.Contains(out, test.output) {
			t.Errorf("%s: %s: status %d: %s", test.who, test.args, status, out)
		}
	}
	if out, status := s.run("-s", "https://"+net.JoinHostPort(s.addr, "21900"), "config", "get"); status != 1 || !strings.Contains(out, "certificate") {
		t.Errorf("certificate that nobody vouches for: status %d: %s", status, out)
	}
	if got := s.must("config", "get", "-p", "/workers"); got != "2\n" { // address, certificate and token from the file
		t.Errorf("by the configuration file: %s", got)
	}
	if out, status := boss("stop"); status != 0 {
		t.Errorf("stop: %s", out)
	}
	s.waitExit()
	s.noTrace()
}

func TestMG01SocketPermissions(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	info, err := os.Stat(s.path("run/kres-api.sock"))
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
	if os.Getuid() != 0 {
		return
	}
	// A stranger who may walk to the socket may not connect to it.
	for _, dir := range []string{s.dir, s.path("run")} {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("/usr/bin/curl", "-sS", "--unix-socket", s.path("run/kres-api.sock"), "http://x/")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if _, err := exec.LookPath(c.Path); err != nil {
		t.Skip("curl is not installed")
	}
	if out, err := c.CombinedOutput(); err == nil {
		t.Errorf("a stranger is answered: %s", out)
	}
}

// browser sends what a page of another site can make a browser send.
func TestMG02Browser(t *testing.T) {
	t.Parallel()
	s := prepare(t, options{})
	s.manage("  interface: ADDRESS@21900\n")
	s.launch("")
	s.waitLog("everything started")
	before := s.workers()
	url := "http://" + net.JoinHostPort(s.addr, "21900")
	send := func(method, path, body string, header ...string) (int, http.Header) {
		t.Helper()
		r, err := http.NewRequest(method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
			if header[i] == "Host" {
				r.Host = header[i+1]
			}
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.Header
	}
	for _, test := range []struct {
		method, path, body string
		header             []string
		status             int
	}{
		{"GET", "/", "", nil, 200},
		{"GET", "/v1/config", "", []string{"Host", "evil.example"}, 403},
		{"GET", "/v1/config", "", []string{"Origin", "http://evil.example"}, 403},
		{"POST", "/reload/force", "", []string{"Origin", "http://evil.example"}, 403},
		{"POST", "/stop", "", []string{"Origin", "null", "Content-Type", "text/plain"}, 403},
		{"POST", "/cache/clear", "{}", []string{"Content-Type", "text/plain"}, 415},
		{"PUT", "/v1/config/workers", "2", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"GET", "/stop", "", nil, 405},
		{"GET", "/reload", "", nil, 405},
		{"OPTIONS", "/v1/config", "", []string{"Origin", "http://evil.example", "Access-Control-Request-Method", "PUT"}, 403},
	} {
		status, header := send(test.method, test.path, test.body, test.header...)
		if status != test.status || header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s %s %v: status %d, header %v; expected %d", test.method, test.path, test.header, status, header, test.status)
		}
	}
	if now := s.workers(); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("workers %v, then %v", before, now)
	}
}

// speak sends raw bytes to the API and returns the first line of the answer.
func (s *system) speak(send func(io.Writer)) string {
	s.t.Helper()
	conn, err := net.Dial("unix", s.path("run/kres-api.sock"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	go send(conn)
	conn.SetReadDeadline(time.Now().Add(2 * patience))
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

func TestMG03Bodies(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	const begin = "PUT /v1/config/nsid HTTP/1.1\r\nHost: x\r\n"
	before := memory(t, s.only("manager"))
	for _, test := range []struct {
		name, status string
		send         func(io.Writer)
	}{
		{"10 GiB declared", "413", func(w io.Writer) { fmt.Fprint(w, begin+"Content-Length: 10737418240\r\n\r\n") }},
		{"endless chunks", "413", func(w io.Writer) {
			fmt.Fprint(w, begin+"Transfer-Encoding: chunked\r\n\r\n")
			for err := error(nil); err == nil; {
				_, err = fmt.Fprintf(w, "8000\r\n%s\r\n", strings.Repeat("x", 0x8000))
			}
		}},
		{"10000 headers", "431", func(w io.Writer) {
			fmt.Fprint(w, begin)
			for range 10000 {
				fmt.Fprint(w, "X-Filler: 0123456789\r\n")
			}
			fmt.Fprint(w, "\r\n")
		}},
		{"compressed", "415", func(w io.Writer) { fmt.Fprint(w, begin+"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}") }},
		{"a header that never ends", "", func(w io.Writer) {
			for range 30 {
				fmt.Fprint(w, "P")
				time.Sleep(time.Second)
			}
		}},
	} {
		if line := s.speak(test.send); !strings.Contains(line, test.status) || test.status == "" && line != "" && !strings.Contains(line, "408") && !strings.Contains(line, "400") {
			t.Errorf("%s: %q, expected %s", test.name, line, test.status)
		}
	}
	if grown := memory(t, s.only("manager")) - before; grown > 16<<20 {
		t.Errorf("the manager has grown by %d bytes", grown)
	}
	s.workers()
}

// memory returns the resident set of a process.
func memory(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var all, resident int
	if _, err := fmt.Sscan(string(text), &all, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}

// MG-04, MG-05: odd paths reach nothing, and odd values are stored as they are.
func TestMG04MG05PathsAndValues(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for _, path := range []string{
		"/v1/config/..%2f..%2fetc%2fpasswd", "/v1/config/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/schema/../../etc/passwd",
		"/v1/config/%00", "/v1/config/" + strings.Repeat("a/", 5000), "/v1/versions/..%2f1", "/processes/..%2fall",
	} {
		status, text := s.api("GET", path, "")
		if status < 400 || strings.Contains(text, "root:") {
			t.Errorf("GET %.60s: %d %.100s", path, status, text)
		}
	}
	conf, err := os.ReadFile(s.path("run/supervisord.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{`"a\nb"`, `"a\"b"`, `"]]"`, `"${HOME} %(x)s $(id)"`, `"!!python/object:os.system"`, `"; [program:x]\ncommand=/bin/false"`} {
		status, text := s.api("PUT", "/v1/config/nsid", value)
		if status == 400 {
			continue
		}
		if status != 200 {
			t.Errorf("PUT %s: %d %s", value, status, text)
		}
		if _, got := s.api("GET", "/v1/config/nsid", ""); got != value {
			t.Errorf("stored %s as %s", value, got)
		}
	}
	if now, err := os.ReadFile(s.path("run/supervisord.conf")); err != nil || !bytes.Equal(now, conf) {
		t.Errorf("generated file has changed: %v", err)
	}
	for _, line := range strings.Split(s.logged(), "\n") {
		if strings.HasPrefix(line, "command=") || strings.HasPrefix(line, "b\"") {
			t.Errorf("a value has made a line of the log: %q", line)
		}
	}
}

func TestMG06Bombs(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	var keys strings.Builder
	for i := range 30000 {
		fmt.Fprintf(&keys, "key%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"laughs": laughs.String(), "nested lists": strings.Repeat("[", 100000), "keys": keys.String(),
		"merge keys": "a: &a {x: 1}\nb: {<<: *a}\n", "tag": "nsid: !!python/object x\n", "duplicate": "nsid: a\nnsid: b\n",
	} {
		before, began := memory(t, s.only("manager")), time.Now()
		status, answer := s.api("PUT", "/v1/config", text, "Content-Type", "application/yaml")
		grown := memory(t, s.only("manager")) - before
		t.Logf("%s: %d after %v, %d KiB more", name, status, time.Since(began), grown>>10) // the time is reported, never asserted
		if grown > 64<<20 {
			t.Errorf("%s: the manager has grown by %d bytes", name, grown)
		}
		if status != 400 {
			t.Errorf("%s: %d %.200s", name, status, answer)
		}
	}
	if got := s.must("config", "history"); strings.Count(got, "\n") != 1 {
		t.Errorf("history:\n%s", got)
	}
}

// MG-07, FT-51: of many who change the same version one succeeds, and changes without a
// condition come one after the other.
func TestMG07Races(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	resp := make(chan int, 100)
	tag := s.etag()
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			status, _ := s.api("PATCH", "/v1/config", fmt.Sprintf(`[{"op":"add","path":"/local-data","value":{"addresses":{"a.example":"192.0.2.%d"}}}]`, i), "If-Match", tag)
			resp <- status
		})
	}
	all.Wait()
	close(resp)
	statuses := map[int]int{}
	for status := range resp {
		statuses[status]++
	}
	if statuses[200] != 1 || statuses[412] != 99 {
		t.Errorf("statuses %v", statuses)
	}
	if got := s.must("config", "history"); strings.Count(got, "\n") != 2 {
		t.Errorf("history:\n%s", got)
	}
}

// etag returns that of the configuration in force.
func (s *system) etag() string {
	s.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, Dial: func(string, string) (net.Conn, error) {
		return net.Dial("unix", s.path("run/kres-api.sock"))
	}}}
	resp, err := client.Get("http://manager/v1/config")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Header.Get("ETag")
}

func TestMG08ForbiddenChanges(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	before := append(s.workers(), s.only("manager"))
	for path, value := range map[string]string{
		"/rundir": fmt.Sprintf("%q", s.dir), "/management/unix-socket": `"run/other.sock"`, "/management": `{"interface": "127.0.0.1@21901"}`,
	} {
		if status, text := s.api("PUT", "/v1/config"+path, value); status != 409 || !strings.Contains(text, path) {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if now := append(s.workers(), s.only("manager")); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("processes %v, then %v", before, now)
	}
}

// MG-14: what somebody else has put into the run directory is not followed.
func TestMG14PlantedLinks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"knot-resolver.pid", "supervisord.pid", "supervisord.conf", "supervisord.conf.tmp", "supervisord.sock", "kres-api.sock", "control", "ruledb"} {
		t.Run(name, func(t *testing.T) {
			s := prepare(t, options{})
			target := s.path("target")
			if err := os.WriteFile(target, []byte("precious"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, s.path("run/"+name)); err != nil {
				t.Fatal(err)
			}
			s.launch("")
			started := make(chan bool, 1)
			go func() {
				for !strings.Contains(s.logged(), "everything started") {
					select {
					case <-s.exited:
						started <- false
						return
					case <-time.After(10 * time.Millisecond):
					}
				}
				started <- true
			}()
			if <-started {
				s.must("stop")
				s.waitExit()
			} else if !strings.Contains(s.logged(), name) {
				t.Errorf("does not say why: %s", s.logged())
			}
			if text, err := os.ReadFile(target); err != nil || string(text) != "precious" {
				t.Errorf("the target: %q, %v", text, err)
			}
			if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("the target: %v, %v", info, err)
			}
		})
	}
}

// MG-18: names and values with control characters, in queries and in the API, make neither
// lines nor control characters in the log.
func TestMG18LogInjection(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.must("config", "set", "-p", "/logging/level", "debug")
	const forged = "forged by a stranger"
	escaped := strings.ReplaceAll(forged, " ", "%20")
	for _, path := range []string{"/v1/config/x%0a[ERROR]%20" + escaped, "/v1/config/x%1b[31m%0d" + escaped, "/explain?name=a%0a" + escaped + ".localhost"} {
		s.api("PUT", path, "1")
		s.api("GET", path, "")
	}
	s.api("PUT", "/v1/config/nsid", `"a\n`+forged+`\u001b[31m"`)
	s.api("PUT", "/v1/config/hostname", `"\u202e\u0007`+forged+`"`)
	for _, label := range []string{"\n" + forged, "\x1b[31m\xff\x80", "\r\x00\x07"} {
		query := []byte{1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, byte(len(label))}
		query = append(append(query, label...), "\x09localhost\x00\x00\x01\x00\x01"...)
		conn, err := net.Dial("udp", net.JoinHostPort(s.addr, "5300"))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(query)
		if _, err := conn.Read(make([]byte, 512)); err != nil {
			t.Errorf("%q: %v", label, err)
		}
		conn.Close()
	}
	s.must("stop")
	s.waitExit()
	for _, line := range strings.Split(s.logged(), "\n") {
		for _, c := range line {
			if c < ' ' && c != '\t' || c == 0x7f || c == 0x202e {
				t.Errorf("control character %#x in the log: %q", c, line)
				break
			}
		}
		if i := strings.Index(line, forged); i >= 0 && !strings.HasPrefix(line, "20") {
			t.Errorf("a line of a stranger: %q", line)
		}
	}
}
