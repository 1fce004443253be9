package gitserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// git runs the git command.
type git struct {
	dir   string    // working directory
	env   []string  // added to the environment, from which every GIT_ variable is taken away
	stdin io.Reader // nil is empty
}

// run returns the standard output without the newline at its end.
func (g git) run(ctx context.Context, arguments ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, "git", arguments...)
	command.Dir, command.Stdin, command.Stdout, command.Stderr = g.dir, g.stdin, &stdout, &stderr
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "GIT_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(append(command.Env, "LC_ALL=C"), g.env...) // messages are looked at
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(arguments, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

// with returns g with another standard input.
func (g git) with(stdin string) git {
	g.stdin = strings.NewReader(stdin)
	return g
}
