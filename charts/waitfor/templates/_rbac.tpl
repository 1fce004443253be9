{{/* ServiceAccount, Role and RoleBinding: a file of a chart's templates. */}}
{{- define "waitfor.rbac" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "waitfor.name" . }}
  namespace: {{ .Release.Namespace }}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ include "waitfor.name" . }}
  namespace: {{ .Release.Namespace }}
rules:
  {{- include "waitfor.rules" . | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ include "waitfor.name" . }}
  namespace: {{ .Release.Namespace }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "waitfor.name" . }}
subjects:
  - kind: ServiceAccount
    name: {{ include "waitfor.name" . }}
    namespace: {{ .Release.Namespace }}
{{- end }}

{{/* What the targets need. A target whose rights nobody has stated ends the rendering: the Pod would wait for ever. */}}
{{- define "waitfor.rules" -}}
{{- $names := dict "secrets" list "configmaps" list }}
{{- range splitList "\n" (include "waitfor.targets" .) }}
{{- $object := regexReplaceAll "#.*$" . "" }}
{{- if regexMatch "^(secret|configmap)s?/[^/]+$" $object }}
{{- $resource := printf "%ss" (trimSuffix "s" (dir $object)) }}
{{- $_ := set $names $resource (append (get $names $resource) (base $object) | uniq) }}
{{- else if and (regexMatch "^(tcp|https?|dns|postgres)://" .) (not (contains "password-secret=" .)) }}
{{- else if not $.Values.waitfor.rules }}
{{- fail (printf "waitfor.targets: %q is no Secret, ConfigMap or address: set waitfor.rules to what this prints: waitfor rbac -n %s %q" . $.Release.Namespace .) }}
{{- end }}
{{- end }}
{{- range $resource, $found := $names }}
{{- with $found }}
- apiGroups: [""]
  resources: [{{ $resource }}]
  resourceNames: {{ toJson . }}
  verbs: [get, watch]
{{- end }}
{{- end }}
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- with .Values.waitfor.rules }}
{{ toYaml . }}
{{- end }}
{{- end }}
