//go:build agent

package main

import (
	"strings"
	"testing"
)

// The seed of the image says that it checks no repository, whatever it is asked, and where that is done.
func TestCheckOfTheImage(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := seed(t, "", "check", "../..", "--format", "json")
	if code != exitUsage || stdout != "" || !strings.Contains(stderr, "bin/seed") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
