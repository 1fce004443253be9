package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// machineFolders are the folders in which a node's programs and hostPath volumes write: the node sees the host's, and writes
// into a layer of its own below Dir.
var machineFolders = []string{"etc", "opt", "var"}

// sysctls are kernel settings of the whole machine that kubelet insists on and would set. It reads its wish from a file mounted
// over each, and leaves the host's alone. See setupKernelTunables in k8s.io/kubernetes/pkg/kubelet/cm.
var sysctls = map[string]int{
	"vm/overcommit_memory": 1, "vm/panic_on_oom": 0,
	"kernel/panic": 10, "kernel/panic_on_oops": 1,
	"kernel/keys/root_maxkeys": 1000000, "kernel/keys/root_maxbytes": 25000000,
}

// setUpMounts makes the node's view of the file system, in the private mount namespace of the own process.
func setUpMounts(dir string) error {
	cgroups, err := hierarchies() // before /sys is new
	if err != nil {
		return fmt.Errorf("find cgroups: %w", err)
	}
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	own, err := os.Open(dir) // before a mount hides it
	if err != nil {
		return err
	}
	defer own.Close()
	if err := mountMachine(dir); err != nil {
		return err
	}
	if err := mountKernel(cgroups); err != nil {
		return err
	}
	if err := maskSysctls(); err != nil {
		return err
	}
	if err := bind("/proc/self/fd/"+strconv.Itoa(int(own.Fd())), dir); err != nil {
		return err
	}
	if err := bind(filepath.Join(dir, "kubelet"), "/var/lib/kubelet"); err != nil {
		return err
	}
	if err := bind(filepath.Join(dir, "log"), "/var/log"); err != nil { // kubelet puts the pods' logs there
		return err
	}
	if err := bind(cniDir(dir), cniFolder); err != nil { // a Pod can bring the CNI configuration
		return err
	}
	return mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "") // for volumes with mount propagation; shared within the node only
}

// mountMachine gives the node folders to write in.
func mountMachine(dir string) error {
	for _, name := range machineFolders {
		upper, work := filepath.Join(dir, "overlay", name, "upper"), filepath.Join(dir, "overlay", name, "work")
		if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
			return err
		}
		options := fmt.Sprintf("lowerdir=/%s,upperdir=%s,workdir=%s", name, upper, work)
		if err := mount("overlay", "/"+name, "overlay", 0, options); err != nil {
			return err
		}
	}
	return mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755")
}

// mountKernel mounts what shows the own namespaces: /proc, /sys and the cgroups.
func mountKernel(cgroups []hierarchy) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := mount("proc", "/proc", "proc", flags, ""); err != nil {
		return err
	}
	if err := mount("sysfs", "/sys", "sysfs", flags, ""); err != nil {
		return err
	}
	if err := mountCgroups(cgroups); err != nil {
		return err
	}
	return delegateCgroup(cgroups)
}

func maskSysctls() error {
	for name, value := range sysctls {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
			continue // kubelet will say what it thinks of that
		}
		source := filepath.Join("/run/castle/sysctl", name)
		if err := writeFile(source, []byte(strconv.Itoa(value))); err != nil {
			return err
		}
		if err := bind(source, target); err != nil {
			return err
		}
	}
	return nil
}

// bind shows the file or folder at source also at target, which it makes if it is a missing folder.
func bind(source, target string) error {
	if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
	}
	return mount(source, target, "", unix.MS_BIND|unix.MS_REC, "")
}

func mount(source, target, fstype string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, fstype, flags, options); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}
