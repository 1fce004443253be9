package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode/utf8"
)

// maxTermination is how much of a termination message the kubelet takes, in bytes
// (https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/).
const maxTermination = 4096

// end says how it ended: as the last line of the log and as the container's termination message. Both stand alone.
func (p *program) end(code int, message, role string) {
	p.code = code
	if role != "" {
		message += "\nThis is what is missing; \"waitfor rbac\" prints the rights for all targets:\n" + role
	}
	log, err := newLog(p.stderr, p.flags.logFormat)
	if err != nil {
		log = slog.New(textHandler(p.stderr))
	}
	if code == exitMet {
		log.Info(message, "exit", code)
	} else {
		log.Error(message, "exit", code)
	}
	if err := terminate(p.flags.termination, message); err != nil {
		log.Warn("the termination message: "+err.Error(), "why", err.Error())
	}
}

// terminate writes the file if the kubelet made it; outside of a Pod there is none.
func terminate(file, message string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening it: %w", err)
	}
	_, err = io.WriteString(f, shorten(message))
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// shorten cuts what the kubelet would not take, but not in the middle of a letter.
func shorten(message string) string {
	if len(message) <= maxTermination {
		return message
	}
	end := maxTermination - len(cut)
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + cut
}

const cut = "\n[cut: the log has it all]"

// newLog writes lines for people, or JSON for machines.
func newLog(w io.Writer, format string) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(textHandler(w)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	}
	return nil, fmt.Errorf("--log-format %s: there are text and json", strings.TrimSpace(format))
}
