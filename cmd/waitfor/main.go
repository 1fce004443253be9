// Command waitfor is an init container that holds a Pod until what it needs is there. See "waitfor --help".
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"
	// Public certificate authorities for an image that has no files: used only where the system has none.
	_ "golang.org/x/crypto/x509roots/fallback"
)

// Exit codes, one for each way to end.
const (
	exitMet         = 0
	exitError       = 1
	exitUsage       = 2
	exitFailed      = 3
	exitRefused     = 4
	exitTimeout     = 124 // as timeout(1) has it
	exitInterrupted = 128 // plus the number of the signal, as a shell has it
)

// version is set when a release is linked.
var version = ""

// interrupted is the signal that ended the waiting.
type interrupted struct{ os.Signal }

// Error implements error.
func (i interrupted) Error() string {
	if i.Signal == syscall.SIGINT {
		return "SIGINT"
	}
	return "SIGTERM"
}

func main() {
	klog.SetLogger(klog.Logger{}) // client-go's own lines say nothing that is not said here
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() { end(interrupted{<-signals}) }()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr *os.File) int {
	p := &program{stdout: stdout, stderr: stderr}
	root := p.command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		p.end(exitUsage, fmt.Sprintf("%v (see waitfor --help)", err), "")
	}
	return p.code
}
