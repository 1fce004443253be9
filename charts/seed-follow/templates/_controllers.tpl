{{/* Whether Flux's controllers run, and why not: in the namespace of the first root, or wherever they are. */}}
{{- define "seed-follow.controllers" }}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- end }}
