package manager

import (
	"bytes"
	"fmt"
	"path/filepath"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

// load reads the configuration files as version number.
func (m *Manager) load(number uint64) (*current, error) {
	doc, err := config.Load(m.Files)
	if err != nil {
		return nil, err
	}
	return m.check(doc, number)
}

// check makes version number of a document.
func (m *Manager) check(doc *config.Document, number uint64) (*current, error) {
	valid, err := doc.Validate(config.ValidateOptions{Strict: true, Warn: m.warn})
	if err != nil {
		return nil, err
	}
	cfg := valid.Normalise()
	if cfg.Rundir != m.Rundir {
		return nil, &Rejected{fmt.Errorf("%w /rundir", errNeedsRestart)}
	}
	v := control.Version{Number: number, Raw: doc.JSON(), Config: *cfg}
	return &current{v, valid}, nil
}

func (m *Manager) warn(w config.Error) { m.Log.Warn("configuration", "warning", w) }

// parse makes a checked document of a running version again. Its files may be
// gone by now, so they are not looked at.
func (m *Manager) parse(v control.Version) (*current, error) {
	valid, err := m.valid(v.Raw)
	if err != nil {
		return nil, err
	}
	return &current{v, valid}, nil
}

// valid checks the user's tree of a version that has been in force.
func (m *Manager) valid(raw []byte) (*config.Valid, error) {
	doc, err := config.Parse(raw, "running configuration")
	if err != nil {
		return nil, err
	}
	return doc.WithBase(filepath.Dir(m.Files[0])).Validate(config.ValidateOptions{})
}

// compareFiles notes in the log when a system that was taken over does not run
// on what the files say now.
func (m *Manager) compareFiles() {
	doc, err := config.Load(m.Files)
	if err != nil {
		m.Log.Warn("configuration files are wrong, the running configuration stays in force", "reason", err)
		return
	}
	if !bytes.Equal(doc.JSON(), m.live.Load().Raw) {
		m.Log.Warn("configuration files differ from the running configuration, reload to apply them")
	}
}
