{{/* The name of the Pod's ServiceAccount, of the Role and of the RoleBinding. */}}
{{- define "waitfor.name" -}}
{{ .Release.Name | trunc 55 | trimSuffix "-" }}-waitfor
{{- end }}

{{/* The init container: an entry of a Pod's initContainers. The Pod also needs the entry of waitfor.volume, waitfor.name as
its serviceAccountName, and automountServiceAccountToken: false, so that the app has no token. */}}
{{- define "waitfor.initContainer" -}}
{{- $waitfor := .Values.waitfor -}}
- name: waitfor
  {{- with $waitfor.image }}
  image: {{ .repository }}{{ with .tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
  {{- end }}
  {{- with $waitfor.args }}
  args: {{ toJson . }}
  {{- end }}
  env:
    - name: WAITFOR_TARGETS
      value: {{ include "waitfor.targets" . | quote }}
    - name: WAITFOR_POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: WAITFOR_POD_UID
      valueFrom:
        fieldRef:
          fieldPath: metadata.uid
  resources: {{ toJson $waitfor.resources }}
  securityContext:
    runAsNonRoot: true
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities:
      drop: [ALL]
    seccompProfile:
      type: RuntimeDefault
  volumeMounts:
    - name: waitfor-token
      mountPath: /var/run/secrets/kubernetes.io/serviceaccount
      readOnly: true
{{- end }}

{{/* The token of the init container: an entry of a Pod's volumes. */}}
{{- define "waitfor.volume" -}}
- name: waitfor-token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end }}

{{/* The targets, one a line, with their templates filled in. */}}
{{- define "waitfor.targets" -}}
{{- $root := . }}
{{- $filled := list }}
{{- range .Values.waitfor.targets }}
{{- $filled = append $filled (tpl . $root) }}
{{- end }}
{{- join "\n" $filled }}
{{- end }}
