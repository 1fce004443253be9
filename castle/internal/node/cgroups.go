package node

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// hierarchy is a mounted cgroup tree: the only one on a cgroup v2 host, one of several on a cgroup v1 host.
type hierarchy struct {
	path    string // mount point
	v2      bool
	options string // what mounts it again: its controllers, or name=...
}

// hierarchies finds the mounted cgroup trees.
func hierarchies() ([]hierarchy, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return parseHierarchies(file)
}

// parseHierarchies reads the format of proc_pid_mountinfo(5).
func parseHierarchies(mountinfo io.Reader) ([]hierarchy, error) {
	var found []hierarchy
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(rest) < 3 || !strings.HasPrefix(fields[4], "/sys/fs/cgroup") {
			continue
		}
		switch rest[0] {
		case "cgroup2":
			found = append(found, hierarchy{path: fields[4], v2: true})
		case "cgroup":
			found = append(found, hierarchy{path: fields[4], options: mountOptions(rest[2])})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted below /sys/fs/cgroup")
	}
	return found, nil
}

// mountOptions keeps of a mount's options those that say which v1 hierarchy it is.
func mountOptions(super string) string {
	options := slices.DeleteFunc(strings.Split(super, ","), func(o string) bool {
		return o == "rw" || o == "ro" || o == "xattr" || o == "clone_children" || strings.HasPrefix(o, "release_agent=")
	})
	return strings.Join(options, ",")
}

// cgroupName is the name of the castle's folder in each hierarchy. It follows from the folder alone, so that Stop finds it always.
func cgroupName(dir string) string {
	return fmt.Sprintf("seed-castle-%x", sha256.Sum256([]byte(dir)))[:20]
}

// joinCgroups makes the castle's folder in each hierarchy and moves the own process into it.
func joinCgroups(dir string, all []hierarchy) error {
	for _, h := range all {
		if h.v2 {
			added, err := enableControllers(h.path)
			if err != nil {
				return err
			}
			if err := writeFile(controllersPath(dir), []byte(strings.Join(added, " "))); err != nil {
				return err
			}
		}
		path := filepath.Join(h.path, cgroupName(dir))
		if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make cgroup: %w", err)
		}
		// A new cpuset has neither CPUs nor memory nodes, and takes no process until it has: cpuset(7).
		for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
			if err := inherit(h.path, path, name); err != nil {
				return fmt.Errorf("set up cgroup: %w", err)
			}
		}
		if err := os.WriteFile(filepath.Join(path, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
	}
	return nil
}

func inherit(parent, child, name string) error {
	value, err := os.ReadFile(filepath.Join(parent, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(child, name), value, 0o644)
}

// mountCgroups mounts the hierarchies afresh, on a fresh /sys: in the own cgroup namespace each shows the castle's folder as its root.
func mountCgroups(all []hierarchy) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if !all[0].v2 || len(all) > 1 {
		if err := mount("tmpfs", "/sys/fs/cgroup", "tmpfs", flags, "mode=755"); err != nil {
			return err
		}
	}
	for _, h := range all {
		if err := os.MkdirAll(h.path, 0o755); err != nil {
			return err
		}
		fstype := "cgroup"
		if h.v2 {
			fstype = "cgroup2"
		}
		if err := mount(fstype, h.path, fstype, flags, h.options); err != nil {
			return err
		}
	}
	return nil
}

// delegateCgroup lets the v2 folders below the castle's have controllers: then the castle's own may hold no process, and
// the supervisor moves one down. See "No Internal Process Constraint" in the kernel's cgroup-v2 page.
func delegateCgroup(all []hierarchy) error {
	for _, h := range all {
		if !h.v2 {
			continue
		}
		own := filepath.Join(h.path, "supervisor")
		if err := os.MkdirAll(own, 0o755); err != nil {
			return fmt.Errorf("make cgroup: %w", err)
		}
		if err := os.WriteFile(filepath.Join(own, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
		if _, err := enableControllers(h.path); err != nil {
			return err
		}
	}
	return nil
}

// enableControllers enables what a v2 cgroup offers to its children, and returns what was not enabled before.
func enableControllers(path string) (added []string, err error) {
	offered, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if err != nil {
		return nil, fmt.Errorf("read cgroup controllers: %w", err)
	}
	control := filepath.Join(path, "cgroup.subtree_control")
	enabled, err := os.ReadFile(control)
	if err != nil {
		return nil, fmt.Errorf("read cgroup controllers: %w", err)
	}
	for name := range strings.FieldsSeq(string(offered)) {
		if slices.Contains(strings.Fields(string(enabled)), name) {
			continue
		}
		if err := os.WriteFile(control, []byte("+"+name), 0o644); err != nil {
			return added, fmt.Errorf("enable cgroup controller %s in %s: %w", name, path, err)
		}
		added = append(added, name)
	}
	return added, nil
}

// controllersPath is where joinCgroups notes which controllers it enabled at the top of the host's v2 hierarchy.
func controllersPath(dir string) string { return filepath.Join(dir, "cgroup-controllers") }

// removeCgroups removes the castle's folders, and disables again the controllers that it enabled, unless someone uses them by now.
// A folder may stay busy for a moment after its last process has ended.
func removeCgroups(ctx context.Context, dir string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	added, _ := os.ReadFile(controllersPath(dir)) // missing on a v1 host
	for _, h := range all {
		top := filepath.Join(h.path, cgroupName(dir))
		if err := poll(ctx, "remove cgroup "+top, func(context.Context) error { return removeTree(top) }); err != nil {
			return err
		}
		for name := range strings.FieldsSeq(string(added)) {
			if h.v2 {
				_ = os.WriteFile(filepath.Join(h.path, "cgroup.subtree_control"), []byte("-"+name), 0o644)
			}
		}
	}
	return nil
}

// removeTree removes a cgroup and those below it, deepest first. Their files go with them and cannot be removed one by one.
func removeTree(top string) error {
	var folders []string
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, folder := range slices.Backward(folders) {
		if err := unix.Rmdir(folder); err != nil && err != unix.ENOENT {
			return &fs.PathError{Op: "rmdir", Path: folder, Err: err}
		}
	}
	return nil
}
