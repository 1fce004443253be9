package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// text prints the message of a record, which says it all, behind the time; its attributes are for machines.
type text struct {
	mu *sync.Mutex
	w  io.Writer
}

func textHandler(w io.Writer) slog.Handler { return text{mu: &sync.Mutex{}, w: w} }

// Enabled implements slog.Handler.
func (text) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler.
func (t text) Handle(_ context.Context, r slog.Record) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	level := ""
	if r.Level >= slog.LevelError {
		level = "error: "
	}
	_, err := fmt.Fprintf(t.w, "%s %s%s\n", r.Time.UTC().Format(time.TimeOnly), level, r.Message)
	return err
}

// WithAttrs implements slog.Handler.
func (t text) WithAttrs([]slog.Attr) slog.Handler { return t }

// WithGroup implements slog.Handler.
func (t text) WithGroup(string) slog.Handler { return t }
