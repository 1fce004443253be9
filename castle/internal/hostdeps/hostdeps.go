// Package hostdeps installs what the castle takes from the distribution and does not build itself.
package hostdeps

import (
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// need is a file or program of the distribution and the Debian package that brings it.
type need struct{ file, pkg, why string }

func needs() []need {
	return []need{
		{"runc", "runc", "runs containers"},
		{"/usr/lib/cni/ptp", "containernetworking-plugins", "gives pods their network"},
		{"nft", "nftables", "kube-proxy's rules"},
		{"git", "git", "the Git server"},
		{"nsenter", "util-linux", "enters the node"},
		{"mount", "mount", "the kubelet's volumes"},
		{Busybox, "busybox-static", "the blog's web server, in an image without libraries"},
	}
}

// Busybox is the static busybox of the distribution.
const Busybox = "/bin/busybox"

// Ensure installs the packages whose files are missing, and says which and what for. It asks the package
// manager for nothing that is there.
func Ensure(ctx context.Context, out io.Writer) error {
	missing := map[string]string{}
	var order []string
	for _, n := range needs() {
		if present(n.file) && (n.file != Busybox || static(n.file)) || missing[n.pkg] != "" {
			continue
		}
		missing[n.pkg] = n.why
		order = append(order, n.pkg)
	}
	if len(order) == 0 {
		return nil
	}
	for _, pkg := range order {
		fmt.Fprintf(out, "missing from the distribution: %s (%s)\n", pkg, missing[pkg])
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install %s with your package manager: this machine has no apt-get", strings.Join(order, ", "))
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("installing %s needs root: run this as root, or apt-get install them first", strings.Join(order, ", "))
	}
	return install(ctx, out, order)
}

// present looks a program up where root finds it, whatever PATH says.
func present(file string) bool {
	candidates := []string{file}
	if !strings.HasPrefix(file, "/") {
		if _, err := exec.LookPath(file); err == nil {
			return true
		}
		candidates = []string{"/usr/sbin/" + file, "/sbin/" + file}
	}
	for _, candidate := range candidates {
		if _, err := os.Stat(candidate); err == nil {
			return true
		}
	}
	return false
}

// static tells whether a program needs no dynamic linker; plain busybox does.
func static(file string) bool {
	program, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer func() { _ = program.Close() }()
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}

func install(ctx context.Context, out io.Writer, packages []string) error {
	for _, args := range [][]string{
		{"update", "-qq"},
		append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...),
	} {
		fmt.Fprintf(out, "apt-get %s\n", strings.Join(args, " "))
		command := exec.CommandContext(ctx, "apt-get", args...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if text, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, text)
		}
	}
	return nil
}
