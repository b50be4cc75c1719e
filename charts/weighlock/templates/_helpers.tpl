{{/* Lists of CEL. */}}
{{- define "weighlock.platformContainers" -}}
[{{- range $i, $name := .Values.platformContainers }}{{ if $i }}, {{ end }}'{{ $name }}'{{ end -}}]
{{- end }}
{{- define "weighlock.adminGroups" -}}
[{{- range $i, $name := .Values.adminGroups }}{{ if $i }}, {{ end }}'{{ $name }}'{{ end -}}]
{{- end }}
