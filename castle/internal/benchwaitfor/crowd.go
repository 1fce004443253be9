package benchwaitfor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sync/errgroup"
)

const (
	waiting   = 30 * time.Second // each waiter waits that long
	spreading = 10 * time.Second // and all are started within that
	idling    = 20 * time.Second // the API server is watched that long before
	hindered  = 0.9              // of its requests: a waiter that makes less of them does not get the CPU it needs
)

// crowds measures many waiters of each kind at once, for a Secret that does not come.
func (b *bench) crowds(ctx context.Context) error {
	sizes := map[string]int{}
	for run := range b.Runs {
		for _, r := range rivals {
			for size := b.Waiters; ; size /= 2 {
				if known, ok := sizes[r.name]; ok {
					size = min(size, known)
				}
				c, err := b.crowd(ctx, r, size)
				if err != nil {
					return err
				}
				b.say("run %d of %d: %d of %s: API server %.2f s of CPU (idle %.2f s), %.0f requests; they use %.0f%% of the machine, which is %.0f%% busy",
					run+1, b.Runs, size, r.name, c.cpu, c.idle, c.requests, 100*c.share, 100*c.busy)
				if made := c.requests / float64(size); made < hindered*r.requests && size > 1 {
					b.say("  too many for this machine: each made %.1f of its %.0f requests. Half as many", made, r.requests)
					b.results.dropCrowds(r.name)
					sizes[r.name] = size / 2
					continue
				}
				b.addCrowd(r, size, c)
				break
			}
		}
	}
	return nil
}

func (b *bench) addCrowd(r rival, size int, c crowd) {
	n := float64(size)
	b.results.add(crowdSize, r.name, n)
	b.results.add(serverCPU, r.name, c.cpu-c.idle)
	b.results.add(serverCPUEach, r.name, 1e3*(c.cpu-c.idle)/n)
	b.results.add(serverIdle, r.name, c.idle)
	b.results.add(requestsEach, r.name, c.requests/n)
	b.results.add(serverGrowth, r.name, c.growth/1e6)
	b.results.add(waiterCPU, r.name, c.waiters/n)
	b.results.add(crowdShare, r.name, 100*c.share)
	b.results.add(machineBusy, r.name, 100*c.busy)
	for _, memory := range c.memory {
		b.results.add(waiterMemory, r.name, memory)
	}
}

// crowd is what one cost. Times are in seconds of CPU; idle is what the API server needs in that time when nobody asks.
type crowd struct {
	cpu, idle, requests, growth, busy float64
	share                             float64   // of the machine's CPUs, of waiters and API server
	waiters                           float64   // milliseconds of CPU of all waiters
	memory                            []float64 // peaks of those that last, in MB
}

func (b *bench) crowd(ctx context.Context, r rival, size int) (c crowd, err error) {
	s, stop, err := b.serve(ctx)
	if err != nil {
		return crowd{}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for n := 1; n <= size; n++ {
		if err := s.account(ctx, n); err != nil {
			return crowd{}, err
		}
	}
	if err := s.calm(ctx); err != nil {
		return crowd{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, maximum)
	defer cancel()
	idle, err := s.spend(ctx, func() error { return pause(ctx, idling) })
	if err != nil {
		return crowd{}, err
	}
	used, err := s.spend(ctx, func() error { return b.gather(ctx, s, r, size, &c) })
	if err != nil {
		return crowd{}, err
	}
	longer := used.wall / idle.wall
	c.cpu, c.idle, c.busy = used.cpu, idle.cpu*longer, used.busy
	c.requests = used.requests - idle.requests*longer
	c.share = (c.cpu + c.waiters/1e3) / (used.wall * float64(runtime.NumCPU()))
	return c, nil
}

// gather starts the waiters, one after another, lets each wait, and ends them in the same order.
func (b *bench) gather(ctx context.Context, s *server, r rival, size int, c *crowd) error {
	before, err := s.memory()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for n := range size {
		group.Go(func() error {
			if err := pause(ctx, spreading*time.Duration(n)/time.Duration(size)); err != nil {
				return err
			}
			w, err := b.start(s, n+1, r, never)
			if err != nil {
				return err
			}
			defer w.end()
			if err := pause(ctx, waiting); err != nil {
				return err
			}
			if err := w.waits(); err != nil {
				return err
			}
			memory, err := peak(w.cmd.Process.Pid)
			if err != nil {
				return fmt.Errorf("read the memory of %s: %w", r.name, err)
			}
			w.end()
			mu.Lock()
			defer mu.Unlock()
			c.waiters += w.cpu()
			if r.lasts {
				c.memory = append(c.memory, memory)
			}
			return nil
		})
	}
	// All wait now, and none has been ended yet.
	group.Go(func() error {
		if err := pause(ctx, waiting-time.Second); err != nil {
			return err
		}
		now, err := s.memory()
		c.growth = now - before
		return err
	})
	return group.Wait()
}

// spent is what the API server and the machine did for something.
type spent struct{ wall, cpu, requests, busy float64 }

func (s *server) spend(ctx context.Context, something func() error) (spent, error) {
	requests, err := s.requests(ctx)
	if err != nil {
		return spent{}, err
	}
	// The CPU of these looks at the metrics is outside of what is measured.
	cpu, err1 := s.cpu()
	machine, err2 := times()
	begin := time.Now()
	err = something()
	wall := time.Since(begin).Seconds()
	cpuAfter, err3 := s.cpu()
	machineAfter, err4 := times()
	if err := errors.Join(err, err1, err2, err3, err4); err != nil {
		return spent{}, err
	}
	requestsAfter, err := s.requests(ctx)
	total := machineAfter.total - machine.total
	return spent{wall, cpuAfter - cpu, requestsAfter - requests, 1 - (machineAfter.idle-machine.idle)/total}, err
}

// machineTimes are those of all CPUs, in seconds.
type machineTimes struct{ total, idle float64 }

func times() (machineTimes, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return machineTimes{}, fmt.Errorf("read the machine's CPU times: %w", err)
	}
	stat, err := fs.Stat()
	if err != nil {
		return machineTimes{}, fmt.Errorf("read the machine's CPU times: %w", err)
	}
	t := stat.CPUTotal
	idle := t.Idle + t.Iowait
	return machineTimes{idle: idle, total: idle + t.User + t.Nice + t.System + t.IRQ + t.SoftIRQ + t.Steal}, nil
}
