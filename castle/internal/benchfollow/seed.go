package benchfollow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tazlab/seed/castle/internal/node"
	"github.com/tazlab/seed/castle/internal/stock"
)

// canFollow returns an error when this seed has no verb "follow".
func canFollow(ctx context.Context, seed string) error {
	if said, err := exec.CommandContext(ctx, seed, "follow", "--help").CombinedOutput(); err != nil {
		return fmt.Errorf("the variant %s needs a seed that can follow; leave it out with --variants %s,%s,%s: seed follow --help: %w\n%.500s",
			withSeed, stockFlux, every5s, every1s, err, said)
	}
	return nil
}

// following is a seed that follows a root, as from a workstation.
type following struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{} // closed when it has ended and was waited for
}

// follow starts seed and returns when it watches Kustomizations: the root, which is not there yet, cannot escape it.
func (b *bench) follow(ctx context.Context, nodeDir, root string, log auditLog) (*following, error) {
	f := &following{log: filepath.Join(b.dir, "seed.log"), ended: make(chan struct{})}
	out, err := os.Create(f.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	// No context ends it: end does, by a signal as a user would. Its ports are free ones: this machine is not its Pod.
	f.cmd = &exec.Cmd{
		Path: b.seed, Dir: b.dir,
		Args: []string{"seed", "follow", "--root", stock.Namespace + "/" + root, "--watch", "--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"},
		Env:  append(os.Environ(), "KUBECONFIG="+node.Kubeconfig(nodeDir)), Stdout: out, Stderr: out,
	}
	if err := f.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start seed: %w", err)
	}
	go func() {
		_ = f.cmd.Wait()
		close(f.ended)
	}()
	if err := f.watches(ctx, log); err != nil {
		f.end()
		return nil, err
	}
	return f, nil
}

// watches waits until seed has opened its watch of Kustomizations, which the API server's log tells.
func (f *following) watches(ctx context.Context, log auditLog) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		entries, err := log.entries()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.who() == follower && e.Verb == "watch" && e.ObjectRef.Resource == kustomizations.Resource {
				tick.Stop()
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-f.ended:
			return f.lives()
		case <-ctx.Done():
			return fmt.Errorf("wait until seed watches Kustomizations: %w%s", ctx.Err(), f.words())
		}
	}
}

// lives returns an error when seed has ended by itself.
func (f *following) lives() error {
	select {
	case <-f.ended:
		return fmt.Errorf("seed follow should still run: %s%s", f.cmd.ProcessState, f.words())
	default:
		return nil
	}
}

// words are its last.
func (f *following) words() string {
	said, err := os.ReadFile(f.log)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("\n%s", said[max(0, len(said)-2000):])
}

// end ends it; that it was ended is no error, however it says so.
func (f *following) end() {
	if err := f.cmd.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		return
	}
	select {
	case <-f.ended:
	case <-time.After(10 * time.Second):
		_ = f.cmd.Process.Kill()
		<-f.ended
	}
}
