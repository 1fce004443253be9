package check

import (
	"cmp"
	"slices"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// thing is a Secret or ConfigMap. Its namespace is "*" where that is not known.
type thing struct{ kind, namespace, name string }

// bringer is what brings a thing.
type bringer struct {
	*Object
	// late says that it comes only when an operator has worked on Object.
	late bool
}

// brought is what a cluster's Secrets and ConfigMaps come from.
type brought struct {
	cluster *Cluster
	by      map[thing][]bringer
	// makers is what may bring others there, by namespace ("" for all of them) and kind.
	makers map[thing]bool
	// merged are things to which something adds keys, by namespace ("" for any) and name ("" for any).
	merged map[thing]bool
	// named are texts of objects in a namespace that may name a Secret which somebody makes for them.
	named map[string]map[string]bool
}

func (c *Cluster) brought() *brought {
	if c.sources != nil {
		return c.sources
	}
	b := &brought{cluster: c, by: map[thing][]bringer{}, makers: map[thing]bool{}, merged: map[thing]bool{}, named: map[string]map[string]bool{}}
	for _, o := range c.Objects() {
		b.read(o)
	}
	c.sources = b
	return b
}

// readers are the kinds that bring something, or name what somebody else does.
var readers = map[string]func(*brought, *Object){
	" Secret":                             func(b *brought, o *Object) { b.add(o, "Secret", o.GetName(), false) },
	" ConfigMap":                          func(b *brought, o *Object) { b.add(o, "ConfigMap", o.GetName(), false) },
	esv1.Group + " ExternalSecret":        (*brought).external,
	esv1.Group + " ClusterExternalSecret": (*brought).clusterExternal,
	esv1.Group + " PushSecret":            func(b *brought, o *Object) { b.name("", o.Object["spec"]) }, // its store may be this cluster
	"cert-manager.io Certificate":         func(b *brought, o *Object) { b.add(o, "Secret", o.text("spec", "secretName"), false) },
	"cert-manager.io Issuer":              func(b *brought, o *Object) { b.name(o.GetNamespace(), o.Object["spec"]) },
	"cert-manager.io ClusterIssuer":       func(b *brought, o *Object) { b.name("cert-manager", o.Object["spec"]) },
	"networking.k8s.io Ingress":           func(b *brought, o *Object) { b.name(o.GetNamespace(), o.Object["spec"]) },
	"gateway.networking.k8s.io Gateway":   func(b *brought, o *Object) { b.name(o.GetNamespace(), o.Object["spec"]) },
	"bitnami.com SealedSecret": func(b *brought, o *Object) {
		b.add(o, "Secret", cmp.Or(o.text("spec", "template", "metadata", "name"), o.GetName()), false)
	},
	crunchy + " PostgresCluster":      (*brought).postgres,
	rbacGroup + " Role":               (*brought).rights,
	rbacGroup + " ClusterRole":        (*brought).rights,
	rbacGroup + " RoleBinding":        (*brought).rights,
	rbacGroup + " ClusterRoleBinding": (*brought).rights,
}

// read notes what an object brings or may bring.
func (b *brought) read(o *Object) {
	gvk := o.GroupVersionKind()
	if read, known := readers[gvk.Group+" "+gvk.Kind]; known {
		read(b, o)
	} else if o.foreign() {
		b.maker(o.GetNamespace(), "Secret", "ConfigMap")
	}
	if o.GetKind() != "Secret" && o.GetKind() != "ConfigMap" {
		for annotation, text := range o.GetAnnotations() {
			if !strings.HasPrefix(annotation, "waitfor.tazlab.net/") { // those name what a Pod waits for
				b.name(o.GetNamespace(), text)
			}
		}
	}
}

// text is a text of an object, "" if there is none.
func (o *Object) text(fields ...string) string {
	text, _, _ := unstructured.NestedString(o.Object, fields...)
	return text
}

// add notes that an object brings a thing of its namespace.
func (b *brought) add(o *Object, kind, name string, late bool) {
	if !Substituted(name) || !Substituted(o.GetNamespace()) {
		b.maker("", "Secret", "ConfigMap")
		return
	}
	key := thing{kind, o.GetNamespace(), name}
	b.by[key] = append(b.by[key], bringer{o, late})
}

// external notes the Secret of an ExternalSecret.
func (b *brought) external(o *Object) {
	name := cmp.Or(o.text("spec", "target", "name"), o.GetName())
	if kind := o.text("spec", "target", "manifest", "kind"); kind != "" { // it makes something else
		b.maker(o.GetNamespace(), kind)
		b.merges(thing{kind, o.GetNamespace(), name})
		return
	}
	switch o.text("spec", "target", "creationPolicy") {
	case "Merge":
		b.merges(thing{"Secret", o.GetNamespace(), name})
		fallthrough
	case "None":
		b.maker(o.GetNamespace(), "Secret") // somebody else has to bring it
	default:
		b.add(o, "Secret", name, true)
	}
}

const (
	crunchy   = "postgres-operator.crunchydata.com"
	rbacGroup = "rbac.authorization.k8s.io"
)

// postgres notes the Secrets of the users of a PostgresCluster. The operator makes others, which begin with the cluster's name.
func (b *brought) postgres(o *Object) {
	users, _, _ := unstructured.NestedSlice(o.Object, "spec", "users")
	if len(users) == 0 {
		users = []any{map[string]any{"name": o.GetName()}}
	}
	for _, user := range users {
		content, _ := user.(map[string]any)
		name, _ := content["name"].(string)
		b.add(o, "Secret", o.GetName()+"-pguser-"+name, true)
	}
}

// rights notes who may create Secrets and ConfigMaps: a program that does cannot be looked into. Flux itself makes what it is told.
func (b *brought) rights(o *Object) {
	if o.GetLabels()["app.kubernetes.io/part-of"] == "flux" || o.GetLabels()["app.kubernetes.io/part-of"] == "flux-system" {
		return
	}
	role, _, _ := unstructured.NestedString(o.Object, "roleRef", "name")
	if strings.HasSuffix(o.GetKind(), "Binding") && slices.Contains([]string{"cluster-admin", "admin", "edit"}, role) {
		b.maker(o.GetNamespace(), "Secret", "ConfigMap")
	}
	rules, _, _ := unstructured.NestedSlice(o.Object, "rules")
	for _, rule := range rules {
		content, _ := rule.(map[string]any)
		has := func(field string, values ...string) bool {
			list, _, _ := unstructured.NestedStringSlice(content, field)
			return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) || slices.Contains(list, "*") })
		}
		for resource, kind := range map[string]string{"secrets": "Secret", "configmaps": "ConfigMap"} {
			if has("apiGroups", "") && has("verbs", "create", "patch") && has("resources", resource) {
				b.maker(o.GetNamespace(), kind)
			}
		}
	}
}

// maker notes that something may bring any Secret or ConfigMap of a namespace, "" for all of them.
func (b *brought) maker(namespace string, kinds ...string) {
	if !Substituted(namespace) {
		namespace = ""
	}
	for _, kind := range kinds {
		b.makers[thing{kind: kind, namespace: namespace}] = true
	}
}

// name notes all texts in a part of an object.
func (b *brought) name(namespace string, value any) {
	if !Substituted(namespace) {
		namespace = ""
	}
	switch value := value.(type) {
	case string:
		if b.named[namespace] == nil {
			b.named[namespace] = map[string]bool{}
		}
		b.named[namespace][value] = true
	case map[string]any:
		for _, v := range value {
			b.name(namespace, v)
		}
	case []any:
		for _, v := range value {
			b.name(namespace, v)
		}
	}
}

// always are what every namespace has, by Kubernetes or a distribution of it.
var always = []string{"kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"}

// mayHave tells whether a thing that nothing is known to bring may be there all the same.
func (b *brought) mayHave(t thing) bool {
	switch {
	case strings.HasPrefix(t.namespace, "kube-") || slices.Contains(always, t.name):
		return true
	case b.cluster.Charts(t.namespace), b.named[t.namespace][t.name], b.named[""][t.name]:
		return true
	case b.makers[thing{kind: t.kind, namespace: t.namespace}], b.makers[thing{kind: t.kind}], b.cluster.told(t):
		return true
	}
	for other := range b.by { // it may be mirrored, or begin with the name of a database
		if other.kind == t.kind && other.name == t.name {
			return true
		}
	}
	for _, o := range b.cluster.Objects() {
		if gvk := o.GroupVersionKind(); gvk.Group == crunchy && o.GetNamespace() == t.namespace && strings.HasPrefix(t.name, o.GetName()+"-") && !strings.HasPrefix(t.name, o.GetName()+"-pguser-") {
			return true
		}
	}
	return false
}
