package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/report"
	"github.com/tazlab/seed/internal/view"
)

// redrawEvery is how often a live view counts on while nothing happens.
const redrawEvery = time.Second

// followUntil follows for somebody who looks on, until the goal stands, and leaves a table on stdout.
func followUntil(ctx context.Context, f *birth.Following, flags followFlags, stdout io.Writer) error {
	began := time.Now()
	f.Report = &report.Report{Seed: began}
	v := view.Of(os.Stderr)
	held := &holdBack{out: os.Stderr, live: v.Live()}
	f.Log = slog.New(slog.NewTextHandler(held, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var drawn error // what comes after the first error says nothing new
	draw := func() { drawn = errors.Join(drawn, v.Draw(f.Report, time.Now())) }
	f.Changed = func() {
		if drawn == nil {
			draw()
		}
	}
	looking, enough := context.WithCancel(ctx)
	var beside sync.WaitGroup
	if v.Live() {
		beside.Go(func() { countOn(looking, func() { f.Read(f.Changed) }) })
	}
	err := f.Run(ctx)
	enough()
	beside.Wait()
	err = ended(ctx, err)
	if closed := v.Close(f.Report, time.Now()); drawn == nil {
		drawn = closed
	}
	held.release()
	f.Report.Saved = time.Now()
	chat := birth.Chat{Address: flags.eventsAddr, Cluster: f.Cluster, Root: f.Report.Root(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	chat.Tell(ctx, f.Report, f.Report.Stood(), err)
	if drawn != nil { // how it ended is told all the same
		err = errors.Join(err, fmt.Errorf("showing the state: %w", drawn))
	}
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s, after %s\n\n", f.Report.Stood(), time.Since(began).Round(10*time.Millisecond))
	}
	return errors.Join(err, f.Report.Table(stdout), keep(f.Report, flags.outputFile))
}

// countOn calls draw until ctx ends.
func countOn(ctx context.Context, draw func()) {
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			draw()
		}
	}
}

// keep writes the report to file, if there is one.
func keep(r *report.Report, file string) error {
	if file == "" {
		return nil
	}
	data, err := r.JSON()
	if err == nil {
		err = writeWhole(file, data)
	}
	if err != nil {
		return fmt.Errorf("writing the report to %s: %w", file, err)
	}
	return nil
}

// holdBack keeps lines away from a live view, until it is closed.
type holdBack struct {
	out  io.Writer
	live bool
	kept []byte
}

// maxHeld is how much is held back, in bytes. The first lines say what began it.
const maxHeld = 1 << 16

// Write implements io.Writer, for a slog.Handler: that calls it once at a time.
func (h *holdBack) Write(line []byte) (int, error) {
	if !h.live {
		return h.out.Write(line)
	}
	if len(h.kept)+len(line) <= maxHeld {
		h.kept = append(h.kept, line...)
	}
	return len(line), nil
}

func (h *holdBack) release() {
	if h.live = false; len(h.kept) > 0 {
		_, _ = h.out.Write(h.kept)
	}
}
