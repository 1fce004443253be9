package check

import (
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"

	"github.com/tazlab/seed/internal/wait/target"
)

// waitfor is a container that waits, as docs/waitfor.md says.
type waitfor struct {
	corev1.Container
	at      []string
	targets []target.Target
	// held are those of targets that hold the Pod: all but the guards of --fail-if. With any, one of them is enough.
	held []target.Target
	any  bool
	// namespace is that of targets without one.
	namespace string
	// broken are the errors of targets that cannot be read.
	broken []error
	// unknown says that its command line or its variables are not all in the object.
	unknown bool
}

// isWaitfor tells whether a container runs waitfor: by its image, wherever that is mirrored, or by its variables.
func isWaitfor(c corev1.Container) bool {
	image, _, _ := strings.Cut(path.Base(c.Image), "@")
	image, _, _ = strings.Cut(image, ":")
	return image == "waitfor" || slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "WAITFOR_TARGETS" })
}

// waitfors are those among the init containers of a Pod.
func (p *pod) waitfors() []*waitfor {
	var all []*waitfor
	for _, c := range p.Spec.InitContainers {
		if isWaitfor(c) {
			w := &waitfor{Container: c, at: slices.Concat(p.at, []string{"initContainers", "name=" + c.Name}), namespace: p.GetNamespace()}
			w.read()
			all = append(all, w)
		}
	}
	return all
}

// read reads the command line and the variables.
func (w *waitfor) read() {
	args := w.Args
	switch {
	case len(w.Command) > 0 && path.Base(w.Command[0]) != "waitfor", len(w.EnvFrom) > 0:
		w.unknown = true
		return
	case len(w.Command) > 0:
		args = append(slices.Clone(w.Command[1:]), args...)
	}
	flags := pflag.NewFlagSet("waitfor", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&w.any, "any", false, "")
	for _, name := range []string{"timeout", "forbidden-grace"} {
		flags.Duration(name, time.Minute, "")
	}
	for _, name := range []string{"log-format", "pod-name", "pod-uid", "token-dir", "termination-log"} {
		flags.String(name, "", "")
	}
	flags.StringVarP(&w.namespace, "namespace", "n", w.namespace, "")
	failIf := flags.StringArray("fail-if", nil, "")
	w.unknown = flags.Parse(args) != nil
	targets, guards := w.variables(flags)
	for _, text := range slices.Concat(flags.Args(), targets) {
		w.add(text)
	}
	w.held = slices.Clone(w.targets)
	for _, text := range slices.Concat(*failIf, guards) {
		w.add(text)
	}
	if len(w.targets) == 0 && !w.ours() { // another program of that name
		w.unknown, w.broken = true, nil
	}
}

// ours tells whether a container is certainly this waitfor, by its image or the names of its variables.
func (w *waitfor) ours() bool {
	return strings.Contains(w.Image, "tazlab/waitfor") || slices.ContainsFunc(w.Env, func(e corev1.EnvVar) bool { return strings.HasPrefix(e.Name, "WAITFOR_") })
}

// variables reads those that flags do not override, and returns the targets and guards in them.
func (w *waitfor) variables(flags *pflag.FlagSet) (targets, guards []string) {
	for _, env := range w.Env {
		switch {
		case !strings.HasPrefix(env.Name, "WAITFOR_") || env.Name == "WAITFOR_POD_NAME" || env.Name == "WAITFOR_POD_UID":
		case env.ValueFrom != nil:
			w.unknown = true
		case env.Name == "WAITFOR_TARGETS":
			targets = append(targets, target.Lines(env.Value)...)
		case env.Name == "WAITFOR_FAIL_IF" && !flags.Changed("fail-if"):
			guards = append(guards, env.Value)
		case env.Name == "WAITFOR_ANY" && !flags.Changed("any"):
			one, err := strconv.ParseBool(env.Value)
			w.any = one || err != nil
		case env.Name == "WAITFOR_NAMESPACE" && !flags.Changed("namespace"):
			w.namespace = env.Value
		}
	}
	return targets, guards
}

// add adds a target, if nobody has to fill it in: neither Flux nor the kubelet.
func (w *waitfor) add(text string) {
	if !Substituted(text) || strings.Contains(text, "$(") {
		w.unknown = true
		return
	}
	t, err := target.Parse(text)
	if err != nil {
		w.broken = append(w.broken, err)
		return
	}
	w.targets = append(w.targets, t)
}

// findTargets finds targets that waitfor cannot read.
func findTargets(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, p := range c.pods() {
			for _, w := range p.waitfors() {
				for _, err := range w.broken {
					f := p.finding(w.at...)
					f.Why = "waitfor ends at once with exit code 2, so its Pods never start: " + oneLine(err.Error()) + "."
					f.How = "Spell the target as docs/waitfor.md does."
					all = append(all, f)
				}
			}
		}
	}
	return all
}
