package birth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/claim"
	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/fetch"
	"github.com/tazlab/seed/internal/report"
)

// planting is the state of one try.
type planting struct {
	*Birth
	claimer *claim.Claimer
	root    *kustomizev1.Kustomization
	tree    *build.Tree
	// trees are the folders that hold the files of a source, by "Kind/namespace/name".
	trees map[string]string
	// revisions are those of the files in trees.
	revisions map[string]string
}

// inGit marks an error of a build: its cure is a commit, unless it is the API server's that was asked for a
// variable.
func inGit(err error) error {
	_, lost := errors.AsType[net.Error](err)
	reason := apierrors.ReasonForError(err)
	if lost || reason != metav1.StatusReasonUnknown && reason != metav1.StatusReasonNotFound {
		return err
	}
	return failure.Blocked(err)
}

// claim brings one Secret.
func (p *planting) claim(ctx context.Context, c bundle.Claim) error {
	return p.step("claim Secret "+c.Target.String(), func() (report.State, string, error) {
		created, err := p.claimer.Claim(ctx, c)
		if err != nil {
			return "", "", err
		}
		if !created {
			return report.Skipped, "it is there already", nil
		}
		if c.Store == nil {
			return report.Done, "from the inline manifest", nil
		}
		return report.Done, "from ClusterSecretStore " + c.Store.Name, nil
	})
}

// start claims, fetches and builds with the bundle's objects, and once more with Git's where those are
// others: Git wins.
func (p *planting) start(ctx context.Context) error {
	from := p.Bundle
	for again := false; ; again = true {
		for _, c := range from.Claims {
			if err := p.claim(ctx, c); err != nil {
				return err
			}
		}
		if err := p.fetchTree(ctx, from); err != nil {
			return err
		}
		names := from.Differences(p.tree.All())
		if len(names) == 0 || again {
			return nil
		}
		p.Log.Warn("Git differs from the bundle and wins", "objects", names)
		p.tell(ctx, "BundleOutdated", "Git differs from the bundle and wins; render the inline manifest anew: "+strings.Join(names, ", "))
		data, err := bundle.Cut(p.tree.All(), client.ObjectKeyFromObject(from.Root))
		if err == nil {
			from, err = bundle.Parse(data)
		}
		if err != nil {
			return failure.Blocked(fmt.Errorf("Git differs from the bundle, and what it holds cannot be used: %w", inGitOnly(err)))
		}
	}
}

// inGitOnly drops the mark of an invalid bundle: this one comes from Git, where a commit cures it.
func inGitOnly(err error) error { return errors.New(err.Error()) }

// fetchTree brings the root source's files and builds everything they hold for this cluster.
func (p *planting) fetchTree(ctx context.Context, from *bundle.Bundle) error {
	dir, revision, err := p.fetch(ctx, from.Source)
	if err != nil {
		return err
	}
	p.Report.Revision = revision
	return p.step("build the tree", func() (report.State, string, error) {
		if p.tree, err = build.NewTree(ctx, from.Root, dir, p.inputs); err != nil {
			return "", "", inGit(err)
		}
		if p.root, err = rootIn(p.tree, from.Root); err != nil {
			return "", "", failure.Blocked(err)
		}
		return report.Done, fmt.Sprintf("%d objects in the root, %d in units", len(p.tree.Root), len(p.tree.Units)), nil
	})
}

// rootIn finds the root Kustomization in its own build.
func rootIn(tree *build.Tree, root *kustomizev1.Kustomization) (*kustomizev1.Kustomization, error) {
	for _, unit := range build.Units(tree.Root) {
		if unit.Namespace == root.Namespace && unit.Name == root.Name {
			return unit.Kustomization, unit.Unknown
		}
	}
	return nil, fmt.Errorf("the folder %s in Git does not hold Kustomization %s/%s itself: Flux would not keep it", root.Spec.Path, root.Namespace, root.Name)
}

// apply applies what Flux is, the planted units, and at last the objects that make Flux go on.
func (p *planting) apply(ctx context.Context) error {
	chosen, err := choose(p.tree.Root, p.root)
	if err != nil {
		return failure.Blocked(err)
	}
	if err := acyclic(p.tree); err != nil { // Flux can be planted, and a commit cures the rest
		p.Log.Warn("the tree will never stand", "error", err)
		p.tell(ctx, "DependencyCycle", err.Error())
	}
	applier := apply.New(p.Cluster)
	if len(chosen.flux) > 0 {
		if err := p.applyObjects(ctx, applier, "apply Flux of the root", p.root, chosen.flux); err != nil {
			return err
		}
	}
	for _, unit := range chosen.units {
		if err := p.applyUnit(ctx, applier, unit); err != nil {
			return err
		}
	}
	return p.applyObjects(ctx, applier, "apply the root sync", p.root, chosen.sync)
}

// applyUnit claims, fetches and builds what a planted unit needs and applies it, unless Flux did already.
func (p *planting) applyUnit(ctx context.Context, applier *apply.Applier, unit *kustomizev1.Kustomization) error {
	adopted, err := p.adopted(ctx, client.ObjectKeyFromObject(unit))
	if err != nil || adopted {
		return err
	}
	dir, err := p.source(ctx, unit)
	if err != nil {
		return err
	}
	var objects []*unstructured.Unstructured
	err = p.step("build Kustomization "+unit.Name, func() (report.State, string, error) {
		objects, err = build.Kustomization(ctx, unit, dir, build.Vars(p.inputs, p.tree.Root))
		return report.Done, fmt.Sprintf("%d objects", len(objects)), inGit(err)
	})
	if err != nil {
		return err
	}
	return p.applyObjects(ctx, applier, "apply Kustomization "+unit.Name, unit, objects)
}

// source returns the folder with the files of a planted unit's source, fetching them the first time.
func (p *planting) source(ctx context.Context, unit *kustomizev1.Kustomization) (string, error) {
	object := sourceOf(p.tree.Root, unit)
	if object != nil && p.trees[sourceID(object)] != "" {
		return p.trees[sourceID(object)], nil
	}
	source, claims, err := unitSource(p.tree, unit)
	if err != nil {
		return "", failure.Blocked(err)
	}
	for _, c := range claims {
		if err := p.claim(ctx, c); err != nil {
			return "", err
		}
	}
	dir, _, err := p.fetch(ctx, source)
	return dir, err
}

// fetch is one fetch as a step.
func (p *planting) fetch(ctx context.Context, source client.Object) (dir, revision string, err error) {
	kind := source.GetObjectKind().GroupVersionKind().Kind
	if dir, err = p.folder(kind, source); err != nil {
		return "", "", err
	}
	err = p.step("fetch "+kind+" "+source.GetName(), func() (report.State, string, error) {
		secrets := func(ctx context.Context, name string) (map[string][]byte, error) {
			return p.secretData(ctx, types.NamespacedName{Namespace: source.GetNamespace(), Name: name})
		}
		result, err := fetch.Source(ctx, source, secrets, p.Mirrors, dir)
		p.refused = failure.IsBlocked(err)
		revision = result.Revision
		return report.Done, strings.Join(append([]string{revision}, result.Notes...), "; "), err
	})
	p.revisions[kind+"/"+source.GetNamespace()+"/"+source.GetName()] = revision
	return dir, revision, err
}

// applyObjects is one apply as a step.
func (p *planting) applyObjects(ctx context.Context, applier *apply.Applier, name string, owner *kustomizev1.Kustomization, objects []*unstructured.Unstructured) error {
	return p.step(name, func() (report.State, string, error) {
		changes, err := applier.Apply(ctx, owner, objects)
		p.remember(owner, p.revisions[sourceKey(owner)], changes)
		return report.Done, count(changes), err
	})
}

// secretData reads a Secret that a source refers to.
func (p *planting) secretData(ctx context.Context, key types.NamespacedName) (map[string][]byte, error) {
	var s corev1.Secret
	if err := p.inputs.Get(ctx, key, &s); err != nil {
		return nil, fmt.Errorf("reading the Secret %s: %w", key, err)
	}
	return s.Data, nil
}

// folder makes an empty folder for a source's files.
func (p *planting) folder(kind string, source client.Object) (string, error) {
	dir := filepath.Join(p.WorkDir, kind, source.GetNamespace(), source.GetName())
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a folder for %s %s: %w", kind, source.GetName(), err)
	}
	p.trees[kind+"/"+source.GetNamespace()+"/"+source.GetName()] = dir
	return dir, nil
}
