package kresctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// succession bounds the wait for the new manager, which takes over within a second.
const succession = 30 * time.Second

func (t *Tool) upgradeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "upgrade", Short: "Run the program that is installed now, without losing a query", Args: wrongArgs(cobra.NoArgs),
		Long: "Replace all workers, cache-gc and the manager by processes of the program that is installed now. " +
			"Nothing changes when that does not work. Only the supervisor goes on as it is, until the next full restart.",
		RunE: func(c *cobra.Command, _ []string) error {
			before, err := t.managerPID(c.Context())
			if err != nil {
				return err
			}
			if _, err := t.call(c.Context(), http.MethodPost, "/upgrade", nil); err != nil {
				return err
			}
			for end := time.Now().Add(succession); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				if now, err := t.managerPID(c.Context()); err == nil && now != before {
					return nil
				}
			}
			return errors.New("the workers are replaced, but the new manager does not answer; its log says why")
		},
	}
}

// managerPID returns the process id of the manager.
func (t *Tool) managerPID(ctx context.Context) (int, error) {
	text, err := t.call(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return 0, err
	}
	var who struct{ PID int }
	if err := json.Unmarshal(text, &who); err != nil {
		return 0, fmt.Errorf("answer of the manager: %w", err)
	}
	return who.PID, nil
}
