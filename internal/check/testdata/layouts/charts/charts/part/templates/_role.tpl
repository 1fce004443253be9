{{ define "part.role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: web, namespace: of-no-meaning}
{{- end }}
