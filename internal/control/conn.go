package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// A frame is a header of two big-endian uint32, the length of the JSON text and
// the number of descriptors, then the text, then one byte for every
// ControlFilesPerMessage descriptors, which are attached to it. Reads never
// cross these borders, so no descriptor is ever lost with a plain read.
const frameHeader = 8

// ErrPeer is returned for a peer that runs as another user.
var ErrPeer = errors.New("control: peer is another user")

// Conn exchanges JSON frames and descriptors with another process. One
// goroutine may send while another receives.
type Conn struct {
	unix *net.UnixConn
}

// Dial connects to the socket at path and checks who serves it.
func Dial(ctx context.Context, path string) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	return newConn(c.(*net.UnixConn))
}

func newConn(c *net.UnixConn) (*Conn, error) {
	if err := checkPeer(c); err != nil {
		c.Close()
		return nil, err
	}
	return &Conn{c}, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.unix.Close() }

// SetDeadline bounds everything that follows; the zero time removes the bound.
func (c *Conn) SetDeadline(t time.Time) error { return c.unix.SetDeadline(t) }

// Send writes v as one frame with copies of the descriptors, which stay open.
func (c *Conn) Send(v any, files []int) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("control: send: %w", err)
	}
	if len(text) > limits.ControlFrame || len(files) > limits.ControlFiles {
		return fmt.Errorf("control: send: frame of %d bytes and %d descriptors is too big", len(text), len(files))
	}
	frame := make([]byte, frameHeader, frameHeader+len(text))
	binary.BigEndian.PutUint32(frame, uint32(len(text)))
	binary.BigEndian.PutUint32(frame[4:], uint32(len(files)))
	if _, err := c.unix.Write(append(frame, text...)); err != nil {
		return fmt.Errorf("control: send: %w", err)
	}
	for len(files) > 0 {
		n := min(len(files), limits.ControlFilesPerMessage)
		if _, _, err := c.unix.WriteMsgUnix([]byte{0}, unix.UnixRights(files[:n]...), nil); err != nil {
			return fmt.Errorf("control: send descriptors: %w", err)
		}
		files = files[n:]
	}
	return nil
}

// Receive reads one frame into v. The descriptors that came with it are
// close-on-exec and belong to the caller. It returns io.EOF when the peer has
// gone between two frames.
func (c *Conn) Receive(v any) (files []int, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(c.unix, header[:]); err != nil {
		return nil, err
	}
	size, count := binary.BigEndian.Uint32(header[:]), binary.BigEndian.Uint32(header[4:])
	if size > limits.ControlFrame || count > limits.ControlFiles {
		return nil, fmt.Errorf("control: receive: frame of %d bytes and %d descriptors is too big", size, count)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(c.unix, text); err != nil {
		return nil, fmt.Errorf("control: receive: %w", err)
	}
	if files, err = c.receiveFiles(int(count)); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, v); err != nil {
		CloseAll(files)
		return nil, fmt.Errorf("control: receive: %w", err)
	}
	return files, nil
}

func (c *Conn) receiveFiles(count int) (files []int, err error) {
	oob := make([]byte, unix.CmsgSpace(4*limits.ControlFilesPerMessage))
	for len(files) < count {
		var one [1]byte
		n, oobn, flags, _, err := c.unix.ReadMsgUnix(one[:], oob)
		got := rights(oob[:oobn])
		files = append(files, got...)
		switch {
		case err != nil:
		case n == 0:
			err = io.ErrUnexpectedEOF
		case len(got) == 0 || flags&unix.MSG_CTRUNC != 0 || len(files) > count:
			err = errors.New("descriptors missing or too many")
		}
		if err != nil {
			CloseAll(files)
			return nil, fmt.Errorf("control: receive descriptors: %w", err)
		}
	}
	return files, nil
}

// rights lists the descriptors in control messages.
func rights(oob []byte) (files []int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			files = append(files, got...)
		}
	}
	return files
}

// CloseAll closes descriptors.
func CloseAll(files []int) {
	for _, fd := range files {
		unix.Close(fd)
	}
}

// checkPeer accepts root and the own user.
func checkPeer(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("control: peer: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, credErr); err != nil {
		return fmt.Errorf("control: peer: %w", err)
	}
	if cred.Uid != 0 && int(cred.Uid) != unix.Getuid() {
		return fmt.Errorf("%w (uid %d, pid %d)", ErrPeer, cred.Uid, cred.Pid)
	}
	return nil
}
