package process

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// systemd takes the unit without a word, and finds little that the service could do beyond its work.
func TestSystemdUnit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	root := t.TempDir()
	unit := filepath.Join(root, "lib/systemd/system/knot-resolver.service")
	for _, dir := range []string{"usr/bin", "lib/systemd/system"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, filepath.Join(deployment, "systemd/knot-resolver.service"), unit, 0o644)
	for _, name := range []string{"knot-resolver", "kresctl"} {
		copyFile(t, filepath.Join(binaries, name), filepath.Join(root, "usr/bin", name), 0o755)
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "--root="+root, unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "knot-resolver") {
		t.Errorf("%v\n%s", err, out)
	}
	const mostExposure = "20" // tenths
	if out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold="+mostExposure, unit).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, mode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The configurations that are delivered are valid, and where they have to agree with manifests they do.
func TestDeliveredConfigurations(t *testing.T) {
	t.Parallel()
	valid := func(what, text string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(filepath.Join(binaries, "kresctl"), "validate", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", what, err, out)
		}
	}
	for _, name := range []string{"config.yaml", "container/config.yaml"} {
		text, err := os.ReadFile(filepath.Join(deployment, name))
		if err != nil {
			t.Fatal(err)
		}
		valid(name, string(text))
	}
	manifest, err := os.ReadFile(filepath.Join(deployment, "kubernetes/knot-resolver.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for d := yaml.NewDecoder(bytes.NewReader(manifest)); ; {
		var object struct {
			Kind string
			Data map[string]string
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct {
							Ports []struct {
								ContainerPort int `yaml:"containerPort"`
							}
							SecurityContext struct {
								ReadOnlyRootFilesystem bool `yaml:"readOnlyRootFilesystem"`
							} `yaml:"securityContext"`
						}
					}
				}
			}
		}
		if err := d.Decode(&object); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		kinds[object.Kind]++
		if object.Kind == "ConfigMap" {
			valid("ConfigMap", object.Data["config.yaml"])
			if !strings.Contains(object.Data["config.yaml"], "port: 5353") {
				t.Error("the configuration has another port than the container")
			}
		}
		for _, c := range object.Spec.Template.Spec.Containers {
			if !c.SecurityContext.ReadOnlyRootFilesystem || len(c.Ports) != 2 || c.Ports[0].ContainerPort != 5353 || c.Ports[1].ContainerPort != 5353 {
				t.Errorf("container %+v", c)
			}
		}
	}
	if kinds["ConfigMap"] != 1 || kinds["Deployment"] != 1 || kinds["Service"] != 1 {
		t.Errorf("objects %v", kinds)
	}
}
