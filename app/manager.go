package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/logging"
	"knot-resolver/internal/manager"
	"knot-resolver/internal/server"
	"knot-resolver/internal/server/journal"
	"knot-resolver/internal/supervisor"
)

func (a *App) managerCommand() *cobra.Command {
	var o managerOptions
	c := role("manager", "configuration, API, sockets", func(ctx context.Context, rundir string, _ int) error {
		return manage(ctx, rundir, o)
	})
	c.Flags().StringArrayVar(&o.files, "config", nil, "configuration files, absolute")
	c.Flags().StringVar((*string)(&o.level), "level", string(config.LogNotice), "log level until the configuration is read")
	c.Flags().StringVar((*string)(&o.target), "target", string(config.LogStdout), "log target until the configuration is read")
	return c
}

type managerOptions struct {
	files  []string
	level  config.LogLevel
	target config.LogTarget
}

// manage runs the manager until a signal or the API stops the system.
func manage(ctx context.Context, rundir string, o managerOptions) error {
	log := logging.New(logging.Options{Process: "manager"}, config.Logging{Level: o.level, Target: o.target})
	defer log.Close()
	m := manager.New(manager.Options{
		Rundir:     rundir,
		Files:      o.files,
		Supervisor: processes{supervisor.NewClient(supervisor.SocketPath(rundir))},
		Listen:     openings,
		Log:        log.Logger,
		Logging:    log.Configure,
	})
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for {
			select {
			case <-hup:
				m.Reload(ctx) // logs its failure
			case <-ctx.Done():
				return
			}
		}
	}()
	err := m.Run(ctx)
	if errors.Is(err, manager.ErrSuccessor) {
		return nil
	}
	return err
}

// openings lists the sockets and journals that the listen options ask for, per worker.
func openings(cfg *config.Config) (list []manager.Opening, err error) {
	for _, l := range cfg.Network.Listen {
		addrs, err := addresses(l)
		if err != nil {
			return nil, err
		}
		for _, addr := range addrs {
			for proto, stream := range map[string]bool{"udp": false, "tcp": true} {
				spec := server.Spec{Addr: addr, Stream: stream, Freebind: l.Freebind}
				list = append(list, manager.Opening{
					Socket: control.Socket{Kind: string(l.Kind), Proto: proto, Addr: addr.String()},
					Open:   func() (int, error) { return openSocket(spec) },
				})
			}
			list = append(list, manager.Opening{
				Socket: control.Socket{Kind: string(l.Kind), Proto: control.ProtoJournal, Addr: addr.String()},
				Open:   journal.Create,
			})
		}
	}
	return list, nil
}

// openSocket opens a socket and takes its descriptor away from Go's poller: the
// manager only keeps it, and must not be woken by every datagram.
func openSocket(spec server.Spec) (fd int, err error) {
	f, err := server.Listen(spec)
	if err != nil {
		return -1, err
	}
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("listen on %s: %w", spec.Addr, err)
	}
	var dupErr error
	err = raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, dupErr); err != nil {
		return -1, fmt.Errorf("listen on %s: %w", spec.Addr, err)
	}
	return fd, nil
}
