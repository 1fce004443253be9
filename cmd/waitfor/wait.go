package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/internal/wait"
	"github.com/tazlab/seed/internal/wait/kube"
	"github.com/tazlab/seed/internal/wait/target"
)

const targetsVariable = "WAITFOR_TARGETS"

// wait is the command without a name.
func (p *program) wait(cmd *cobra.Command, args []string) error {
	f := &p.flags
	log, err := newLog(p.stderr, f.logFormat)
	if err != nil {
		return err
	}
	w := &wait.Wait{Any: f.any, Timeout: f.timeout, Log: log}
	if w.Targets, w.FailIf, err = p.targets(args); err != nil {
		return err
	}
	switch {
	case f.timeout < 0 || f.grace < 0:
		return errors.New("--timeout and --forbidden-grace: a time cannot be negative")
	case (f.podName == "") != (f.podUID == ""):
		return errors.New("--pod-name and --pod-uid: set both, or none")
	}
	if err := p.connect(w); err != nil {
		p.end(exitUsage, err.Error(), "")
		return nil
	}
	outcome := w.Run(cmd.Context())
	p.end(exitCode(outcome), outcome.Message, outcome.Role)
	return nil
}

// connect lets w follow its targets. Its errors are about the Pod: waiting cures none of them.
func (p *program) connect(w *wait.Wait) error {
	f := &p.flags
	follower := wait.Follower{Grace: f.grace, Note: func(t target.Target, text string) {
		w.Log.Warn(t.Text+": "+text, "target", t.Text, "why", text)
	}}
	if needsAPI(slices.Concat(w.Targets, w.FailIf)) || f.podName != "" {
		client, err := kube.New(kube.Setup{
			TokenDir: f.tokenDir, Namespace: f.namespace,
			Host: os.Getenv("KUBERNETES_SERVICE_HOST"), Port: os.Getenv("KUBERNETES_SERVICE_PORT"),
		})
		if err != nil {
			return err
		}
		if client.Proxied != "" {
			w.Log.Info("the proxy " + client.Proxied + " is not used for the API server " + client.Address + "; programs that heed HTTPS_PROXY need its address in NO_PROXY")
		}
		follower.Client, w.Bringer = client, client.Bringer
		if pod := (kube.Pod{Name: f.podName, UID: f.podUID}); pod.Name != "" {
			w.Event = func(ctx context.Context, kind, reason, message string) error {
				return client.Event(ctx, pod, kind, reason, message)
			}
		}
	}
	w.Follow = follower.Follow
	return nil
}

// targets reads those of the command line and of the variable, and the guards.
func (p *program) targets(args []string) (targets, guards []target.Target, err error) {
	if targets, err = parseTargets(args); err != nil {
		return nil, nil, err
	}
	if guards, err = parseAll(p.flags.failIf); err != nil {
		return nil, nil, fmt.Errorf("--fail-if: %w", err)
	}
	return targets, guards, nil
}

// parseTargets reads those of the command line and those of the variable, which adds to them.
func parseTargets(args []string) ([]target.Target, error) {
	targets, err := parseAll(args)
	if err != nil {
		return nil, err
	}
	text, set := os.LookupEnv(targetsVariable)
	lines := target.Lines(text)
	if set && len(lines) == 0 {
		return nil, errors.New("the variable " + targetsVariable + " is empty: was it to be filled in? Remove it, or name a target in each line")
	}
	more, err := parseAll(lines)
	if err != nil {
		return nil, fmt.Errorf("the variable %s: %w", targetsVariable, err)
	}
	if targets = append(targets, more...); len(targets) == 0 {
		return nil, errors.New("no target: name what to wait for, for example secret/database#key=password")
	}
	return targets, nil
}

func parseAll(texts []string) ([]target.Target, error) {
	var all []target.Target
	for _, text := range texts {
		t, err := target.Parse(text)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

func needsAPI(targets []target.Target) bool {
	for _, t := range targets {
		if t.Object != nil || t.Endpoint.PasswordSecret != nil {
			return true
		}
	}
	return false
}

func exitCode(o wait.Outcome) int {
	switch o.Kind {
	case wait.Met:
		return exitMet
	case wait.Unusable:
		return exitUsage
	case wait.Failed:
		return exitFailed
	case wait.Refused:
		return exitRefused
	case wait.TimedOut:
		return exitTimeout
	case wait.Interrupted:
		if by, ok := errors.AsType[interrupted](o.Cause); ok && by.Signal == syscall.SIGINT {
			return exitInterrupted + int(syscall.SIGINT)
		}
		return exitInterrupted + int(syscall.SIGTERM)
	default: // wait.Broken
		return exitError
	}
}
