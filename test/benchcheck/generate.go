package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// generate writes a repository as a large cluster has it: each unit with a namespace, a Deployment with a Secret of its own, a
// Service, an Ingress and generated configuration, by an index with a shared component and a patch; every fifth with a
// HelmRelease instead. Units depend on each other in chains of ten, and read variables.
func generate(dir string, units int) error {
	files := map[string]string{
		"clusters/home/sync.yaml":                             sync,
		"clusters/home/vars.yaml":                             variables,
		"clusters/home/units.yaml":                            "",
		"infrastructure/components/labels/kustomization.yaml": component,
	}
	var all []string
	for i := range units {
		folder := fmt.Sprintf("apps/app-%03d", i)
		fill := strings.NewReplacer("NAME", fmt.Sprintf("app-%03d", i), "BEFORE", fmt.Sprintf("app-%03d", i-1))
		text := unit
		if i%10 != 0 {
			text += dependency
		}
		all = append(all, fill.Replace(text))
		files[folder+"/namespace.yaml"] = fill.Replace(namespace)
		if i%5 == 4 {
			files[folder+"/kustomization.yaml"], files[folder+"/release.yaml"] = fill.Replace(releaseIndex), fill.Replace(release)
			continue
		}
		files[folder+"/kustomization.yaml"], files[folder+"/app.yaml"], files[folder+"/settings.conf"] = fill.Replace(index), fill.Replace(app), "level=info\n"
	}
	files["clusters/home/units.yaml"] = strings.Join(all, "---\n")
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

const (
	sync = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 1m
  url: https://git.example.com/home.git
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 10m
  path: ./clusters/home
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
`
	variables = `apiVersion: v1
kind: ConfigMap
metadata:
  name: cluster-vars
  namespace: flux-system
data:
  DOMAIN: example.com
  REGION: north
`
	component = `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
labels:
  - pairs:
      app.kubernetes.io/part-of: home
`
	unit = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: NAME
  namespace: flux-system
spec:
  interval: 1h
  path: ./apps/NAME
  prune: true
  wait: true
  sourceRef:
    kind: GitRepository
    name: flux-system
  postBuild:
    substituteFrom:
      - kind: ConfigMap
        name: cluster-vars
`
	dependency = `  dependsOn:
    - name: BEFORE
`
	namespace = `apiVersion: v1
kind: Namespace
metadata:
  name: NAME
`
	index = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: NAME
resources:
  - namespace.yaml
  - app.yaml
components:
  - ../../infrastructure/components/labels
configMapGenerator:
  - name: settings
    files: [settings.conf]
patches:
  - target:
      kind: Deployment
    patch: |
      - op: add
        path: /spec/template/spec/priorityClassName
        value: system-cluster-critical
`
	app = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
spec:
  replicas: 1
  selector:
    matchLabels:
      app: NAME
  template:
    metadata:
      labels:
        app: NAME
    spec:
      containers:
        - name: app
          image: registry.example.com/NAME:v1.0.0
          env:
            - name: REGION
              value: ${REGION}
            - name: PASSWORD
              valueFrom:
                secretKeyRef:
                  name: NAME
                  key: password
          volumeMounts:
            - name: settings
              mountPath: /etc/app
      volumes:
        - name: settings
          configMap:
            name: settings
---
apiVersion: v1
kind: Secret
metadata:
  name: NAME
stringData:
  password: generated
---
apiVersion: v1
kind: Service
metadata:
  name: NAME
spec:
  selector:
    app: NAME
  ports:
    - port: 80
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: NAME
spec:
  rules:
    - host: NAME.${DOMAIN}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: NAME
                port:
                  number: 80
`
	releaseIndex = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: NAME
resources:
  - namespace.yaml
  - release.yaml
`
	release = `apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: NAME
spec:
  interval: 1h
  url: oci://registry.example.com/charts/NAME
  ref:
    tag: 1.0.0
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: NAME
spec:
  interval: 1h
  chartRef:
    kind: OCIRepository
    name: NAME
  values:
    host: NAME.${DOMAIN}
    replicas: 2
`
)
