package check

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/bundle"
)

// findUnclaimable finds what seed starts from and cannot honour. Nothing is said of a cluster that seed does not plant.
func findUnclaimable(t *Tree) []Finding {
	var all []Finding
	passwords := findPassword(t)
	for _, c := range t.Clusters {
		if !c.planted() || c.Root.From == nil {
			continue
		}
		for _, err := range c.claim() {
			told := func(f Finding) bool { return strings.Contains(err.Error(), f.Object) }
			if errors.Is(err, bundle.ErrNoUsername) && slices.ContainsFunc(passwords, told) { // by SC401
				continue
			}
			all = append(all, c.unclaimable(err)...)
		}
	}
	return all
}

// planted tells whether something in the cluster is for seed.
func (c *Cluster) planted() bool {
	return slices.ContainsFunc(c.Applied(), func(o *Object) bool {
		for name := range o.GetAnnotations() {
			if strings.HasPrefix(name, bundle.AnnotationPrefix) {
				return true
			}
		}
		return false
	})
}

// claim does what seed does with the tree before it asks a vault: for the root's source, and those of planted units.
func (c *Cluster) claim() []error {
	objects := plainOf(c.starting())
	_, err := bundle.Cut(objects, types.NamespacedName{Namespace: c.Root.Namespace, Name: c.Root.Name})
	errs := []error{err}
	for _, unit := range c.Units {
		if unit.Annotations[bundle.PlantAnnotation] != "true" || sourceID(unit) == sourceID(c.Root) {
			continue
		}
		ref := unit.Spec.SourceRef
		raw := c.Find(sourcev1.GroupVersion.Group, ref.Kind, cmp.Or(ref.Namespace, unit.Namespace), ref.Name)
		if raw == nil || raw.Release != nil {
			continue
		}
		source, err := bundle.DecodeSource(raw.Unstructured)
		if err == nil {
			_, err = bundle.Claims(objects, source)
		}
		errs = append(errs, err)
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// starting are the objects that seed knows before Flux runs: those of the root, and of the units of its source that the root brings.
func (c *Cluster) starting() []*Object {
	var all []*Object
	for _, unit := range c.Units {
		if unit == c.Root || unit.early(c.Root) {
			all = append(all, unit.Objects...)
		}
	}
	return all
}

// early tells whether seed builds a unit before Flux runs.
func (u *Unit) early(root *Unit) bool { return u.Parent == root && sourceID(u) == sourceID(root) }

// unclaimable finds the objects that an error is about, or the reference that leads nowhere.
func (c *Cluster) unclaimable(err error) []Finding {
	var all []Finding
	own := false
	for _, o := range c.Applied() {
		wrong := bundle.Check(o.Unstructured)
		if wrong == nil || !strings.Contains(err.Error(), wrong.Error()) {
			continue
		}
		if own = true; hasVariable(o.Object) {
			continue
		}
		for line := range strings.SplitSeq(wrong.Error(), "\n") {
			f := o.finding("spec")
			f.Why = "seed starts from it, and so does not start: " + oneLine(strings.TrimPrefix(line, o.String()+": ")) + "."
			f.How = "Change that, or keep what seed starts from in an object of its own; \"seed render\" refuses the same."
			all = append(all, f)
		}
	}
	if own || c.mayBeOtherwise(err) {
		return all
	}
	return []Finding{c.unresolved(err)}
}

// unresolved is the finding about a reference that leads nowhere: at the object whose it is, or else at the root.
func (c *Cluster) unresolved(err error) Finding {
	text := err.Error()
	f := c.Root.finding("spec")
	for _, o := range c.starting() {
		if rest, of := strings.CutPrefix(text, o.String()); of && strings.HasPrefix(strings.TrimLeft(rest, ":,"), " ") {
			f, text = o.finding("spec"), strings.TrimLeft(rest, ":, ")
			break
		}
	}
	f.Why = "seed starts from it, and so does not start: " + oneLine(text) + "."
	f.How = "Change that; \"seed render\" refuses the same."
	return f
}

// mayBeOtherwise tells whether an error may not be seed's: a name by which it looks for something, or an object that the error names,
// has a variable that is not known, or a unit that it builds is not known. What seed cannot build either, since it is remote, it
// does not find.
func (c *Cluster) mayBeOtherwise(err error) bool {
	unknown := func(u *Unit) bool {
		return u.early(c.Root) && u.NotLooked != "" && !errors.Is(u.Failed, build.ErrRemote)
	}
	return slices.ContainsFunc(c.Units, unknown) || slices.ContainsFunc(c.starting(), func(o *Object) bool {
		group, kind := o.GroupVersionKind().Group, o.GetKind()
		led := group == esv1.Group || group == sourcev1.GroupVersion.Group
		unnamed := !Substituted(kind + o.GetNamespace() + o.GetName() + o.text("spec", "target", "name"))
		return led && unnamed || strings.Contains(err.Error(), o.String()) && hasVariable(o.Object)
	})
}
