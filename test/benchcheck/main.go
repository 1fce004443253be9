// Command benchcheck measures "seed check" as its users run it: on a generated repository and on real ones.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// The aims for a repository of 200 units.
const (
	aimTime   = time.Second
	aimMemory = 300 // MB
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "benchcheck:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	seed := flag.String("seed", "bin/seed", "the program to measure")
	units := flag.Int("units", 200, "units of the generated repository")
	runs := flag.Int("runs", 5, "runs for each repository")
	keep := flag.String("keep", "", "write the generated repository to this folder, and leave it there")
	flag.Parse()
	dir := *keep
	if dir == "" {
		temporary, err := os.MkdirTemp("", "benchcheck-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(temporary) }()
		dir = temporary
	}
	if err := generate(dir, *units); err != nil {
		return fmt.Errorf("generating a repository: %w", err)
	}
	fmt.Printf("| repository | median (least to most) of %d | aim | median / aim | peak memory, MB (aim %d) |\n|---|---|---|---|---|\n", *runs, aimMemory)
	if err := measure(ctx, *seed, dir, fmt.Sprintf("generated, %d units", *units), aimTime, *runs); err != nil {
		return err
	}
	for _, path := range flag.Args() {
		if err := measure(ctx, *seed, path, path, 0, *runs); err != nil {
			return err
		}
	}
	return nil
}

// measure runs seed check on a folder and prints a line of the table.
func measure(ctx context.Context, seed, dir, name string, aim time.Duration, runs int) error {
	var times []time.Duration
	var peak int64
	for range runs {
		took, memory, err := once(ctx, seed, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		times, peak = append(times, took), max(peak, memory)
	}
	slices.Sort(times)
	median := times[len(times)/2]
	against, ratio := "-", "-"
	if aim > 0 {
		against, ratio = fmt.Sprintf("%.2f s", aim.Seconds()), fmt.Sprintf("%.2f", median.Seconds()/aim.Seconds())
	}
	fmt.Printf("| %s | %.2f s (%.2f to %.2f) | %s | %s | %d |\n", name, median.Seconds(), times[0].Seconds(), times[len(times)-1].Seconds(), against, ratio, peak)
	return nil
}

// once runs seed check, and returns its time and the most memory that it held, in MB.
func once(ctx context.Context, seed, dir string) (time.Duration, int64, error) {
	command := exec.CommandContext(ctx, seed, "check", dir)
	start := time.Now()
	out, err := command.CombinedOutput()
	took := time.Since(start)
	if err != nil { // an error in the repository too: there should be none
		return 0, 0, fmt.Errorf("%s check: %w\n%s", seed, err, out)
	}
	usage, known := command.ProcessState.SysUsage().(*syscall.Rusage)
	if !known {
		return 0, 0, errors.New("this system does not tell how much memory a process held")
	}
	return took, usage.Maxrss >> 10, nil // Linux counts in KiB
}
