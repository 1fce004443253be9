{{ define "parts.name" }}{{ .Release.Name }}{{ end }}
