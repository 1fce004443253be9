package target_test

import (
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/tazlab/seed/internal/wait/target"
)

var exists = target.Check{Word: target.Exists}

func selector(t *testing.T, text string) labels.Selector {
	t.Helper()
	s, err := labels.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// object parses a target that must be an object.
func object(t *testing.T, text string) *target.Object {
	t.Helper()
	got, err := target.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if got.Text != text || got.Object == nil || got.Endpoint != nil {
		t.Fatalf("%s: %+v is no object of that text", text, got)
	}
	return got.Object
}

func TestObjects(t *testing.T) {
	t.Parallel()
	condition := target.Check{Word: target.Condition, Type: "Ready", Status: "True"}
	for text, want := range map[string]target.Object{
		"secret/database":         {Kind: "secret", Name: "database", Check: exists},
		"apps/secret/database":    {Namespace: "apps", Kind: "secret", Name: "database", Check: exists},
		"Secret/database":         {Kind: "Secret", Name: "database", Check: exists},
		"cm/a.b-c.1":              {Kind: "cm", Name: "a.b-c.1", Check: exists},
		"namespace/apps":          {Kind: "namespace", Name: "apps", Check: exists},
		"deploy.apps/web#ready":   {Kind: "deploy", Group: "apps", Name: "web", Check: target.Check{Word: target.Ready}},
		"deployments.v1.apps/web": {Kind: "deployments", Version: "v1", Group: "apps", Name: "web", Check: exists},
		"secrets.v1/database":     {Kind: "secrets", Version: "v1", Name: "database", Check: exists},
		"secrets.v1./database":    {Kind: "secrets", Version: "v1", Name: "database", Check: exists},
		"horizontalpodautoscalers.v2beta2.autoscaling/web":         {Kind: "horizontalpodautoscalers", Version: "v2beta2", Group: "autoscaling", Name: "web", Check: exists},
		"widgets.v1.example.com/x":                                 {Kind: "widgets", Version: "v1", Group: "example.com", Name: "x", Check: exists},
		"widgets.v1beta2.example.com/x":                            {Kind: "widgets", Version: "v1beta2", Group: "example.com", Name: "x", Check: exists},
		"widgets.v1x.example.com/x":                                {Kind: "widgets", Group: "v1x.example.com", Name: "x", Check: exists},
		"externalsecrets.external-secrets.io/x#condition=Ready":    {Kind: "externalsecrets", Group: "external-secrets.io", Name: "x", Check: condition},
		"a/kustomization.kustomize.toolkit.fluxcd.io/apps#ready":   {Namespace: "a", Kind: "kustomization", Group: "kustomize.toolkit.fluxcd.io", Name: "apps", Check: target.Check{Word: target.Ready}},
		"newkind.v2.apps/x":                                        {Kind: "newkind", Version: "v2", Group: "apps", Name: "x", Check: exists},
		"role/system:controller:x":                                 {Kind: "role", Name: "system:controller:x", Check: exists},
		"clusterrolebindings.rbac.authorization.k8s.io/a:b#exists": {Kind: "clusterrolebindings", Group: "rbac.authorization.k8s.io", Name: "a:b", Check: exists},
		"pod?app=db":                        {Kind: "pod", Selector: selector(t, "app=db"), Check: exists},
		"apps/pod?app=db,tier!=web#ready":   {Namespace: "apps", Kind: "pod", Selector: selector(t, "app=db,tier!=web"), Check: target.Check{Word: target.Ready}},
		"pod?app in (a, b),!old#any&ready":  {Kind: "pod", Selector: selector(t, "app in (a,b),!old"), Least: 1, Check: target.Check{Word: target.Ready}},
		"pod?app.kubernetes.io/name=db#all": {Kind: "pod", Selector: selector(t, "app.kubernetes.io/name=db"), Check: exists},
		"pod?app=db#any":                    {Kind: "pod", Selector: selector(t, "app=db"), Least: 1, Check: exists},
		"pod?app=db#min=3&condition=Ready":  {Kind: "pod", Selector: selector(t, "app=db"), Least: 3, Check: condition},
		"pod?app=db#all&deleted":            {Kind: "pod", Selector: selector(t, "app=db"), Check: target.Check{Word: target.Deleted}},
	} {
		if got := object(t, text); !reflect.DeepEqual(*got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", text, *got, want)
		}
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	value := func(s string) *string { return &s }
	for text, want := range map[string]target.Check{
		"pod/x":                                                     exists,
		"pod/x#exists":                                              exists,
		"pod/x#deleted":                                             {Word: target.Deleted},
		"job/x#complete":                                            {Word: target.Complete},
		"secret/x#key=user":                                         {Word: target.Key, Keys: []string{"user"}},
		"cm/x#key=a.b,_c-1":                                         {Word: target.Key, Keys: []string{"a.b", "_c-1"}},
		"pod/x#condition=Ready":                                     {Word: target.Condition, Type: "Ready", Status: "True"},
		"pod/x#condition=Ready=false":                               {Word: target.Condition, Type: "Ready", Status: "false"},
		"pod/x#condition=example.com/Fed=Unknown":                   {Word: target.Condition, Type: "example.com/Fed", Status: "Unknown"},
		"pod/x#jsonpath={.status.phase}":                            {Word: target.JSONPath, Path: "{.status.phase}"},
		"pod/x#jsonpath={.status.phase}=Running":                    {Word: target.JSONPath, Path: "{.status.phase}", Value: value("Running")},
		"pod/x#jsonpath={.status.phase}='Running'":                  {Word: target.JSONPath, Path: "{.status.phase}", Value: value("Running")},
		`pod/x#jsonpath={.status.phase}="Running"`:                  {Word: target.JSONPath, Path: "{.status.phase}", Value: value("Running")},
		"pod/x#jsonpath={.status.phase}='":                          {Word: target.JSONPath, Path: "{.status.phase}", Value: value("'")},
		"pod/x#jsonpath=.status.phase=Running":                      {Word: target.JSONPath, Path: "{.status.phase}", Value: value("Running")},
		"pod/x#jsonpath=status.phase":                               {Word: target.JSONPath, Path: "{.status.phase}"},
		"pod/x#jsonpath={$.spec.a}":                                 {Word: target.JSONPath, Path: "{$.spec.a}"},
		"pod/x#jsonpath={..image}":                                  {Word: target.JSONPath, Path: "{..image}"},
		"pod/x#jsonpath={.a}=x=y&z#":                                {Word: target.JSONPath, Path: "{.a}", Value: value("x=y&z#")},
		"pod/x#jsonpath={.metadata.annotations.example\\.com/a}=1":  {Word: target.JSONPath, Path: "{.metadata.annotations.example\\.com/a}", Value: value("1")},
		`pod/x#jsonpath={.status.c[?(@.type=="a}=&")].status}=True`: {Word: target.JSONPath, Path: `{.status.c[?(@.type=="a}=&")].status}`, Value: value("True")},
		`pod/x#jsonpath={.status.c[?(@.type=='Ready')].status}`:     {Word: target.JSONPath, Path: `{.status.c[?(@.type=='Ready')].status}`},
	} {
		if got := object(t, text).Check; !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}

// Each error quotes the target and says how to do better.
func TestNoObjects(t *testing.T) {
	t.Parallel()
	for text, cure := range map[string]string{
		"":                             "it is empty",
		"secret":                       "it is spelled [NAMESPACE/]KIND",
		"#ready":                       "it is spelled [NAMESPACE/]KIND",
		"a/b/secret/x":                 "it is spelled [NAMESPACE/]KIND",
		"/secret/x":                    "no name of a namespace",
		"Apps/secret/x":                "no name of a namespace",
		"secret/":                      "no name follows the kind",
		"apps/secret/":                 "no name follows the kind",
		"/x":                           "no kind",
		"secret/X":                     "no name of an object",
		"secret/a:b":                   "no name of an object",
		"role/a%b":                     "no name of an object",
		"secret/*":                     "no name of an object",
		"secret/x,y":                   "no name of an object",
		"secret/a secret/b":            "several targets are several arguments",
		" secret/a":                    "several targets are several arguments",
		"secret/a\nsecret/b":           "several targets are several arguments",
		"secrte/x":                     "is secret meant?",
		"externalsecret/x":             "written with their group",
		"jobs.apps/x":                  `no kind "jobs" in the group apps`,
		"deploymnet.apps/x":            "is deployment meant?",
		"secrte.v1/x":                  "is secret meant?",
		"secrets.v2/x":                 "of version v1, not v2",
		"widgets.Example.com/x":        "no group of an API",
		"wid_gets.example.com/x":       "no kind",
		"apps/namespace/x":             "a Namespace has no namespace: leave apps/ out",
		"apps/clusterrole/x":           "has no namespace",
		"secret/x#":                    "nothing follows the #",
		"secret/x##":                   "no check",
		"secret/x#Ready":               "there are exists",
		"secret/x#exist":               "there are exists",
		"secret/x#exists=1":            "there are exists",
		"secret/x#condition":           "there are exists",
		"secret/x#cel=a":               "there are exists",
		"secret/x#key=":                "a key is empty",
		"secret/x#key=a,":              "a key is empty",
		"secret/x#key=a, b":            "no key of a Secret",
		"secret/x#key=a&ready":         "no key of a Secret",
		"pod/x#key=a":                  "use jsonpath={...} for other kinds",
		"widgets.example.com/x#key=a":  "use jsonpath={...} for other kinds",
		"pod/x#complete":               "use ready or condition=Type for other kinds",
		"secret/x#condition=Ready":     "a Secret has no conditions: use exists",
		"pod/x#condition=":             "condition=Type=Status",
		"pod/x#condition=Ready=":       "condition=Type=Status",
		"pod/x#condition==True":        "condition=Type=Status",
		"pod/x#condition=Ready=True=x": "condition=Type=Status",
		`pod/x#condition="Ready"`:      "condition=Type=Status",
		"pod/x#condition=Ready='True'": "condition=Type=Status",
		"pod/x#condition=Ready&any":    "condition=Type=Status",
		"pod/x#any":                    "an object with a name is only one",
		"pod/x#all&ready":              "an object with a name is only one",
		"pod/x#min=1&ready":            "an object with a name is only one",
		"pod?":                         "no label selector follows the ?",
		"pod? ":                        "no label selector follows the ?",
		"pod?a=b=c":                    "no label selector",
		"pod?a in":                     "no label selector",
		"pod?\x00":                     "control character",
		"pod?a=b\tc=d":                 "control character",
		"pod?a=b\x00,c=d":              "control character",
		"pod?,":                        "no label selector",
		"pod/x?a=b":                    `no kind "x"`,
		"pod?a=b#min=0&ready":          "from 1 on",
		"pod?a=b#min=x":                "from 1 on",
		"pod?a=b#min":                  "from 1 on",
		"pod?a=b#any&":                 "no check follows any&",
		"pod?a=b#any&any&ready":        "no check",
		"pod?a=b#ready&any":            "no check",
		"pod?a=b#any&deleted":          "leave any or min=N out",
		"pod?a=b#min=2&deleted":        "leave any or min=N out",
		"pod/x#jsonpath=":              "does not lead to a field",
		"pod/x#jsonpath={}":            "does not lead to a field",
		"pod/x#jsonpath={.}":           "does not lead to a field",
		"pod/x#jsonpath={$}":           "does not lead to a field",
		"pod/x#jsonpath={..}":          "does not lead to a field",
		"pod/x#jsonpath={.a.}=x":       "does not lead to a field",
		`pod/x#jsonpath={"text"}`:      "does not lead to a field",
		`pod/x#jsonpath={.a "x"}`:      "does not lead to a field",
		"pod/x#jsonpath={true}":        "does not lead to a field",
		"pod/x#jsonpath={a}=x":         "does not lead to a field",
		"pod/x#jsonpath={.a}{.b}":      "after the path comes =value",
		"pod/x#jsonpath={.a} = b":      "after the path comes =value",
		"pod/x#jsonpath={.a}=":         "is empty: leave = out",
		"pod/x#jsonpath={.a}=''":       "is empty: leave = out",
		"pod/x#jsonpath={.a":           "no JSONPath",
		"pod/x#jsonpath={.a[}":         "no JSONPath",
		`pod/x#jsonpath={.a["}`:        "no JSONPath",
		"pod/x#jsonpath='{.a}'=b":      "leave the quotes around the path out",
	} {
		got, err := target.Parse(text)
		if err == nil {
			t.Errorf("%q: taken for %+v", text, got)
		} else if !strings.Contains(err.Error(), cure) || !strings.HasPrefix(err.Error(), "target ") {
			t.Errorf("%q: %v\nlacks %q", text, err, cure)
		}
	}
}
