package claim_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tazlab/seed/internal/claim"
)

// valueVault holds values of every kind that External Secrets Operator treats differently.
func valueVault() *vault {
	return &vault{secrets: map[string]string{
		"/git:GITHUB_TOKEN":     token,
		"/git:JSON":             `{"text": "a \"b\"", "lines": "1\n2", "number": 7.50, "yes": true, "none": null, "deep": {"er": "down", "n": [1, {"x": "list"}]}, "a.b": "dot"}`,
		"/git:KEYS":             `{"with space": "1", "ünï": "2", "": "3"}`,
		"/git:CLASH":            `{"a b": "1", "a/b": "2"}`,
		"/git:TEXT":             "no JSON",
		"/git:LIST":             `["a"]`,
		"/git:NULL":             `null`,
		"/git:B64":              "w7xiZXI/Pz8+",
		"/git:B64URL":           "w7xiZXI_Pz8-",
		"/git:BINARY":           "AP+A",
		"/git:WRAPPED":          `"{\"in\": \"side\"}"`,
		"/git:INNER":            `{"json": "{\"in\": \"side\"}", "object": {"in": "side"}}`,
		"/git/sub:DEEPER":       "below",
		"/git/sub:GITHUB_TOKEN": "another",
		"/abs/olute:ELSE":       "where",
		"/:ROOT":                "top",
		"/codes:B":              "Yg==",
		"/codes:A":              "YQ==",
		"/odd:odd name":         "1",
	}}
}

// Every row is what External Secrets Operator makes of the same ExternalSecret; the rules are those of its
// controller and of its Infisical provider.
func TestClaimMakesWhatExternalSecretsOperatorMakes(t *testing.T) {
	t.Parallel()
	datum := func(key, more string) string {
		return "data: [{secretKey: v, remoteRef: {key: " + key + more + "}}]"
	}
	extract := func(ref string) string { return "dataFrom: [{extract: {" + ref + "}}]" }
	find := func(ref string) string { return "dataFrom: [{find: {" + ref + "}}]" }
	for name, test := range map[string]struct {
		spec, store string
		want        map[string]string
	}{
		"plain":                 {datum("GITHUB_TOKEN", ""), "", map[string]string{"v": token}},
		"relative key":          {datum("sub/DEEPER", ""), "", map[string]string{"v": "below"}},
		"absolute key":          {datum("/abs/olute/ELSE", ""), "", map[string]string{"v": "where"}},
		"key at the root":       {datum("/ROOT", ""), "", map[string]string{"v": "top"}},
		"property":              {datum("JSON", ", property: text"), "", map[string]string{"v": `a "b"`}},
		"lines":                 {datum("JSON", ", property: lines"), "", map[string]string{"v": "1\n2"}},
		"deep property":         {datum("JSON", ", property: deep.er"), "", map[string]string{"v": "down"}},
		"property in a list":    {datum("JSON", ", property: deep.n.1.x"), "", map[string]string{"v": "list"}},
		"escaped dot":           {datum("JSON", `, property: 'a\.b'`), "", map[string]string{"v": "dot"}},
		"number is empty":       {datum("JSON", ", property: number"), "", map[string]string{"v": ""}},
		"object is empty":       {datum("JSON", ", property: deep"), "", map[string]string{"v": ""}},
		"null is empty":         {datum("JSON", ", property: none"), "", map[string]string{"v": ""}},
		"Base64":                {datum("B64", ", decodingStrategy: Base64"), "", map[string]string{"v": "über???>"}},
		"Base64URL":             {datum("B64URL", ", decodingStrategy: Base64URL"), "", map[string]string{"v": "über???>"}},
		"Auto, standard":        {datum("B64", ", decodingStrategy: Auto"), "", map[string]string{"v": "über???>"}},
		"Auto, URL":             {datum("B64URL", ", decodingStrategy: Auto"), "", map[string]string{"v": "über???>"}},
		"Auto, neither":         {datum("TEXT", ", decodingStrategy: Auto"), "", map[string]string{"v": "no JSON"}},
		"binary":                {datum("BINARY", ", decodingStrategy: Base64"), "", map[string]string{"v": "\x00\xff\x80"}},
		"conversion of a datum": {datum("GITHUB_TOKEN", ", conversionStrategy: Unicode"), "", map[string]string{"v": token}},
		"extract": {extract("key: JSON"), "", map[string]string{"text": `a "b"`, "lines": "1\n2", "number": "7.50", "yes": "true", "none": "",
			"deep": `{"er": "down", "n": [1, {"x": "list"}]}`, "a.b": "dot"}},
		"extract null":           {extract("key: 'NULL'"), "", map[string]string{}},
		"extract a property":     {extract("key: INNER, property: json"), "", map[string]string{"in": "side"}},
		"extract, default keys":  {extract("key: KEYS"), "", map[string]string{"with_space": "1", "ünï": "2"}},
		"extract, Unicode keys":  {extract("key: KEYS, conversionStrategy: Unicode"), "", map[string]string{"with_U0020_space": "1", "ünï": "2"}},
		"extract, Unicode helps": {extract("key: CLASH, conversionStrategy: Unicode"), "", map[string]string{"a_U0020_b": "1", "a_U002f_b": "2"}},
		"find all":               {find(""), "secretsPath: /codes", map[string]string{"A": "YQ==", "B": "Yg=="}},
		"find and decode":        {find("name: {regexp: '^A$'}, decodingStrategy: Base64"), "secretsPath: /codes", map[string]string{"A": "a"}},
		"find, default keys":     {find("name: {regexp: odd}"), "secretsPath: /odd", map[string]string{"odd_name": "1"}},
		"find, Unicode keys":     {find("name: {regexp: odd}, conversionStrategy: Unicode"), "secretsPath: /odd", map[string]string{"odd_U0020_name": "1"}},
		"find here only":         {find("name: {regexp: DEEPER}"), "secretsPath: /git", map[string]string{}},
		"find recursively":       {find("name: {regexp: DEEPER}"), "secretsPath: /git, recursive: true", map[string]string{"DEEPER": "below"}},
		"find in a path":         {find("name: {regexp: GITHUB}, path: /git/sub"), "secretsPath: /git, recursive: true", map[string]string{"GITHUB_TOKEN": "another"}},
		"dataFrom, then data":    {"dataFrom: [{find: {name: {regexp: '^B$'}}}, {extract: {key: /git/INNER}}], data: [{secretKey: B, remoteRef: {key: A}}]", "secretsPath: /codes", map[string]string{"B": "YQ==", "json": `{"in": "side"}`, "object": `{"in": "side"}`}},
		"template replaces":      {"target: {template: {data: {x: '{{ .v }}!'}}}, " + datum("/ROOT", ""), "", map[string]string{"x": "top!"}},
		"template merges":        {"target: {template: {mergePolicy: Merge, data: {x: '{{ .v }}!'}}}, " + datum("/ROOT", ""), "", map[string]string{"v": "top", "x": "top!"}},
		"template of metadata":   {"target: {template: {metadata: {labels: {l: '{{ .v }}'}}}}, " + datum("/ROOT", ""), "", map[string]string{"v": "top"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := fake.NewClientBuilder().WithObjects(identity()).Build()
			if test.store == "" {
				test.store = "secretsPath: /git"
			}
			store := strings.Replace(gitStore, "secretsPath: /git", test.store, 1)
			if _, err := claim.New(cluster, valueVault().client()).Claim(t.Context(), claimOf(t, target.Name, test.spec, store)); err != nil {
				t.Fatal(err)
			}
			var got corev1.Secret
			if err := cluster.Get(t.Context(), target, &got); err != nil {
				t.Fatal(err)
			}
			data := map[string]string{}
			for key, value := range got.Data {
				data[key] = string(value)
			}
			if !maps.Equal(data, test.want) {
				t.Errorf("data %q, want %q", data, test.want)
			}
		})
	}
}

func TestClaimOfAValueThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spec string
		want []string
	}{
		"no such property":      {"data: [{secretKey: v, remoteRef: {key: JSON, property: absent}}]", []string{`spec.data[0]: the secret "JSON" has no property "absent"`}},
		"property of no JSON":   {"data: [{secretKey: v, remoteRef: {key: TEXT, property: a}}]", []string{`no property "a"`}},
		"no Base64":             {"data: [{secretKey: v, remoteRef: {key: TEXT, decodingStrategy: Base64}}]", []string{"spec.data[0]", "not Base64"}},
		"the other Base64":      {"data: [{secretKey: v, remoteRef: {key: B64, decodingStrategy: Base64URL}}]", []string{"not Base64URL"}},
		"extract of a text":     {"dataFrom: [{extract: {key: GITHUB_TOKEN}}]", []string{`spec.dataFrom[0]: the secret "GITHUB_TOKEN" is not a JSON object`, "find for a whole folder"}},
		"extract of a list":     {"dataFrom: [{extract: {key: LIST}}]", []string{"not a JSON object"}},
		"extract of quoted":     {"dataFrom: [{extract: {key: WRAPPED}}]", []string{"not a JSON object"}},
		"extract of an object":  {"dataFrom: [{extract: {key: INNER, property: object}}]", []string{"not a JSON object"}},
		"extract, wrong Base64": {"dataFrom: [{extract: {key: JSON, decodingStrategy: Base64}}]", []string{"spec.dataFrom[0]: a.b: the value is not Base64"}},
		"clashing keys":         {"dataFrom: [{extract: {key: CLASH}}]", []string{`the same key "a_b"`, "Unicode"}},
		"hidden in a list":      {"dataFrom: [{find: {name: {regexp: H}}}]", []string{`the secret "HIDDEN" in /git`, "readValue"}},
		"template of label":     {"target: {template: {metadata: {labels: {l: '{{ .x }}'}}}}, data: [{secretKey: v, remoteRef: {key: B64}}]", []string{"metadata.labels[l]", "value x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := valueVault()
			v.secrets["/git:HIDDEN"] = "<hidden-by-infisical>"
			claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), v.client())
			_, err := claimer.Claim(t.Context(), claimOf(t, target.Name, test.spec, gitStore))
			expectError(t, err, true, test.want...)
		})
	}
}

func TestClaimSetsTypeAndMetadata(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ target, want string }{
		"no template":    {"{}", "Opaque map[of:externalsecret] map[note:kept]"},
		"empty template": {"{template: {}}", "Opaque map[] map[]"},
		"template":       {"{template: {type: kubernetes.io/tls, metadata: {labels: {l: '{{ .v }}'}, annotations: {a: 'x-{{ .v }}'}}}}", "kubernetes.io/tls map[l:top] map[a:x-top]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := fake.NewClientBuilder().WithObjects(identity()).Build()
			spec := "target: " + test.target + ", data: [{secretKey: v, remoteRef: {key: /ROOT}}]"
			if _, err := claim.New(cluster, valueVault().client()).Claim(t.Context(), claimOf(t, target.Name, spec, gitStore)); err != nil {
				t.Fatal(err)
			}
			var s corev1.Secret
			if err := cluster.Get(t.Context(), target, &s); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(s.Type, " ", s.Labels, " ", s.Annotations); got != test.want || len(s.OwnerReferences) != 0 {
				t.Errorf("Secret %s, want %s", got, test.want)
			}
		})
	}
}

// A secret of which several data want a property is read once.
func TestClaimReadsASecretOnce(t *testing.T) {
	t.Parallel()
	v := valueVault()
	spec := "dataFrom: [{extract: {key: INNER}}], data: [{secretKey: a, remoteRef: {key: INNER, property: json}}, {secretKey: b, remoteRef: {key: INNER}}]"
	claimer := claim.New(fake.NewClientBuilder().WithObjects(identity()).Build(), v.client())
	if _, err := claimer.Claim(t.Context(), claimOf(t, target.Name, spec, gitStore)); err != nil {
		t.Fatal(err)
	}
	if want := []string{login, list + "/INNER"}; !slices.Equal(v.calls, want) {
		t.Errorf("calls %q, want %q", v.calls, want)
	}
}
