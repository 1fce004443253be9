package screen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"
)

// interrupted is the exit code of a program that somebody ended with Ctrl-C, as shells count it.
const interrupted = 130

// alike is how long after the program the castle itself learns of a Ctrl-C at the latest: both get it at once.
const alike = time.Second

// again is what a program that is killed cannot do: it ends a colour, shows the cursor, and goes to the line below.
const again = "\x1b[0m\x1b[?25h\n"

// Lend lets a program draw on the terminal, through its standard error, until it ends. At the end of ctx it is killed and waited
// for, and what it has drawn stays: it only looks, and if it were asked to end it would say why it ends early. Whatever is written
// meanwhile, and afterwards until Release, is kept back. An error says that it ended by itself and why, in one line: the program
// may have said more.
func (s *Screen) Lend(ctx context.Context, program string, arguments, environment []string) error {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Env, command.Stderr = environment, s.out
	s.hold()
	err := command.Run()
	exit, started := errors.AsType[*exec.ExitError](err)
	if started && !exit.Exited() {
		_, _ = io.WriteString(s.out, again)
	}
	if started && exit.ExitCode() == interrupted {
		select {
		case <-ctx.Done():
		case <-time.After(s.alike):
		}
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("run %s: %w", filepath.Base(program), err)
	}
	return nil
}
