{{/* Lists of CEL. */}}
{{- define "weighlock.platformContainers" -}}
[{{- range $i, $name := .Values.platformContainers }}{{ if $i }}, {{ end }}'{{ $name }}'{{ end -}}]
{{- end }}
{{- define "weighlock.adminGroups" -}}
[{{- range $i, $name := .Values.adminGroups }}{{ if $i }}, {{ end }}'{{ $name }}'{{ end -}}]
{{- end }}

{{/* Whoever writes ConfigMaps in the namespace of the release decides what is trusted everywhere. */}}
{{- define "weighlock.place" -}}
{{- $place := .Release.Namespace }}
{{- if not (regexMatch `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$` $place) }}{{ fail "the namespace of the release has no name of one" }}{{ end }}
{{- if has $place (list "default" "kube-public" "kube-node-lease") }}
{{- fail (printf "the namespace %s is not for trust alone: install into one of its own, --namespace weighlock-system" $place) }}
{{- end }}
{{- end }}

{{/* One release in a cluster: helm sees a second one with the same engine, and this one with the other. */}}
{{- define "weighlock.alone" -}}
{{- $engines := dict "kyverno" (list "policies.kyverno.io/v1" "ValidatingPolicy") "native" (list "admissionregistration.k8s.io/v1" "ValidatingAdmissionPolicy") }}
{{- range $engine, $kind := omit $engines .Values.engine }}
{{- if $.Capabilities.APIVersions.Has (join "/" $kind) }}
{{- with lookup (first $kind) (last $kind) "" "require-weighlock" }}
{{- $notes := .metadata.annotations | default dict }}
{{- $owner := printf "%s/%s" (index $notes "meta.helm.sh/release-namespace") (index $notes "meta.helm.sh/release-name") }}
{{- if ne $owner (printf "%s/%s" $.Release.Namespace $.Release.Name) }}
{{- fail (printf "the cluster has the policies already, for the engine %s, and they are not of this release: remove them first" $engine) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
