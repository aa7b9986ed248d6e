package admit

import (
	"context"
	"log/slog"
)

// levelNotice is between info and warning.
const levelNotice = slog.Level(2)

func notice(log *slog.Logger, message string, args ...any) {
	log.Log(context.Background(), levelNotice, message, args...)
}
