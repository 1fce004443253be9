package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tazlab/seed/internal/wait"
	"github.com/tazlab/seed/internal/wait/access"
	"github.com/tazlab/seed/internal/wait/kinds"
	"github.com/tazlab/seed/internal/wait/target"
)

const rbacLong = `rbac prints the ServiceAccount that waiting for the TARGETs needs, and the least rights for
it: a Role and a RoleBinding in each namespace where they are. Give it the TARGETs and the
--fail-if of the Pod.

It asks no cluster. So kinds that are not Kubernetes' own are written in the plural, as in
externalsecrets.external-secrets.io, and --cluster-scoped names those without namespaces.`

func (p *program) rbac() *cobra.Command {
	c := &cobra.Command{
		Use: "rbac [flags] TARGET...", Short: "Print the least ServiceAccount, Roles and RoleBindings for targets",
		Long: rbacLong, Args: cobra.ArbitraryArgs, RunE: p.printRoles,
		Example: `  waitfor rbac --namespace mnemosyne secret/tazlab-db-pguser-mnemosyne | kubectl apply -f -
  waitfor rbac --namespace apps --hints --events --cluster-scoped clusterissuers.cert-manager.io \
    secret/web-tls#key=tls.crt clusterissuers.cert-manager.io/public#condition=Ready`,
	}
	f := &p.flags
	c.Flags().SortFlags = false
	c.Flags().StringVarP(&f.namespace, "namespace", "n", "", "the Pod's own, and that of TARGETs that name none (needed)")
	c.Flags().StringArrayVar(&f.failIf, "fail-if", nil, "a `TARGET` of the Pod's --fail-if (repeatable)")
	c.Flags().StringVar(&f.account, "service-account", "waitfor", "its `NAME`")
	c.Flags().BoolVar(&f.events, "events", false, "let it write the Events that say why the Pod waits")
	c.Flags().BoolVar(&f.hints, "hints", false, "let it read the ExternalSecret or PostgresCluster\nthat should bring a Secret")
	c.Flags().StringSliceVar(&f.clusterScoped, "cluster-scoped", nil, "this `RESOURCE.GROUP` has no namespaces (repeatable)")
	return c
}

func (p *program) printRoles(_ *cobra.Command, args []string) error {
	f := &p.flags
	targets, guards, err := p.targets(args)
	if err != nil {
		return err
	}
	if f.namespace == "" {
		return errors.New("--namespace is missing: say in which namespace the Pod is, for its ServiceAccount is there")
	}
	needs, err := p.needs(slices.Concat(targets, guards))
	if err != nil {
		return err
	}
	out, err := access.Manifests(access.Account{Namespace: f.namespace, Name: f.account}, needs)
	if err == nil {
		_, err = p.stdout.Write(out)
	}
	return err
}

// needs are the rights for all targets.
func (p *program) needs(targets []target.Target) ([]access.Need, error) {
	f := &p.flags
	var needs []access.Need
	for _, t := range targets {
		o := t.Object
		if o == nil && t.Endpoint.PasswordSecret != nil {
			o = wait.PasswordObject(*t.Endpoint.PasswordSecret)
		}
		if o == nil {
			continue
		}
		need, err := p.need(o)
		if err != nil {
			return nil, fmt.Errorf("target %q: %w", t.Text, err)
		}
		need.Why = t.Text
		needs = append(needs, need)
		if f.hints {
			needs = append(needs, access.OfBringers(o, need.Namespace)...)
		}
	}
	for _, scoped := range f.clusterScoped {
		if !slices.ContainsFunc(needs, func(n access.Need) bool { return n.ClusterScoped && n.Resource+"."+n.Group == scoped }) {
			return nil, fmt.Errorf("--cluster-scoped %s: no target is of that RESOURCE.GROUP", scoped)
		}
	}
	if f.events {
		needs = append(needs, access.Need{Namespace: f.namespace, Resource: "events", Verbs: []string{"create"}, Why: "Events that say why the Pod waits"})
	}
	return needs, nil
}

// need is what the cluster would say too, found without one.
func (p *program) need(o *target.Object) (access.Need, error) {
	resource, builtin := kinds.Builtin(o.Kind, o.Version, o.Group)
	if !builtin {
		resource.Group, resource.Resource = o.Group, strings.ToLower(o.Kind)
		resource.Namespaced = !slices.Contains(p.flags.clusterScoped, resource.Resource+"."+o.Group)
		if !strings.HasSuffix(resource.Resource, "s") {
			return access.Need{}, errors.New("write the kind in the plural, as kubectl api-resources does: without the cluster it is not known")
		}
	}
	if !resource.Namespaced && o.Namespace != "" {
		return access.Need{}, fmt.Errorf("%s has no namespace: leave %s/ out", resource.Resource, o.Namespace)
	}
	return access.Of(o, resource, p.flags.namespace), nil
}
