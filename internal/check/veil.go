package check

import (
	"fmt"
	"os"
	"slices"

	"github.com/tazlab/seed/internal/build"
)

// veil returns a cluster as it is built without what its Secrets hold: so nothing of that can be told. It is the cluster itself if
// nothing in it could come from one.
func (t *Tree) veil(c *Cluster) (*Cluster, error) {
	if !t.usesSecrets(c) {
		return c, nil
	}
	temporary, err := os.MkdirTemp(t.temporary, "veiled-")
	if err != nil {
		return nil, fmt.Errorf("building cluster %s without what its Secrets hold: %w", c.Name, err)
	}
	veiled := *t
	veiled.temporary, veiled.veiled, veiled.NotLooked = temporary, true, nil
	return veiled.build(c.start), nil
}

// usesSecrets tells whether variables, values of a release, or what kustomize replaces may be of a Secret.
func (t *Tree) usesSecrets(c *Cluster) bool {
	return slices.ContainsFunc(c.Releases, func(r *Release) bool { return r.secret }) ||
		slices.ContainsFunc(c.Units, func(u *Unit) bool { return u.secret() || t.replacesSecrets(u) })
}

// mayHide tells whether what is in an object is not told, since it is a Secret, or something of one may be in it.
func (l *loader) mayHide(o *Object) bool {
	return l.tree.veiled && (o.isSecret() || l.tree.replacesSecrets(o.Unit))
}

// isSecret tells whether an object is a Secret.
func (o *Object) isSecret() bool { return o.GetKind() == "Secret" && o.GroupVersionKind().Group == "" }

// hidden are the variables of a unit as they are told: the value of one that may be of a Secret is not known.
func (l *loader) hidden(unit *Unit, vars build.Variables) build.Variables {
	if !l.tree.veiled || unit.Spec.PostBuild == nil {
		return vars
	}
	hide := func(name string) { vars.Values[name] = "${" + name + "}" }
	for _, ref := range unit.Spec.PostBuild.SubstituteFrom {
		if object := l.cluster.Find("", ref.Kind, unit.Namespace, ref.Name); object != nil && l.mayHide(object) {
			for name := range valuesOf(object) {
				hide(name)
			}
		}
	}
	if unit.From != nil && l.mayHide(unit.From) {
		for name := range unit.Spec.PostBuild.Substitute {
			hide(name)
		}
	}
	return vars
}

// replacesSecrets tells whether kustomize may copy something of a Secret into other objects of a unit: by replacements, or by the
// variables that were before them.
func (t *Tree) replacesSecrets(u *Unit) bool {
	if u.replaces == nil {
		secrets, replaces := slices.ContainsFunc(u.Objects, (*Object).isSecret), u.copied != nil // then its files are others
		for file := range t.ReadBy(u) {
			replaces = replaces || t.mentions(file, "ReplacementTransformer")
			for _, doc := range t.File(file).Docs {
				secrets = secrets || doc.Kind == "Secret" || len(elements(doc.Node, "secretGenerator")) > 0
				replaces = replaces || isIndex(file) && doc.replacesSecrets()
			}
		}
		secrets = secrets && replaces
		u.replaces = &secrets
	}
	return *u.replaces
}

// replacesSecrets tells whether an index has a replacement that may begin at a Secret: one in another file has no source here.
func (d *Doc) replacesSecrets() bool {
	for field, from := range map[string]string{"replacements": "source.kind", "vars": "objref.kind"} {
		for _, element := range elements(d.Node, field) {
			if kind := fieldAt(element, from); kind == nil || kind.Value == "Secret" {
				return true
			}
		}
	}
	return false
}
