{{/* Made by charts/make.ts from values.schema.json; change it there. */}}
{{- define "weighlock.checks" -}}
{{- if not (kindIs "map" .Values) }}{{ fail "values is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "image") }}{{ fail "values.image is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "engine") }}{{ fail "values.engine is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "mode") }}{{ fail "values.mode is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "trust") }}{{ fail "values.trust is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "resources") }}{{ fail "values.resources is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "platformContainers") }}{{ fail "values.platformContainers is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "adminGroups") }}{{ fail "values.adminGroups is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "kyvernoNamespace") }}{{ fail "values.kyvernoNamespace is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "evidence") }}{{ fail "values.evidence is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "provenance") }}{{ fail "values.provenance is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "reporter") }}{{ fail "values.reporter is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values "monitoring") }}{{ fail "values.monitoring is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values }}
{{- if not (has $key (list "global" "image" "engine" "mode" "trust" "resources" "platformContainers" "adminGroups" "kyvernoNamespace" "evidence" "provenance" "reporter" "monitoring")) }}{{ fail "an unknown key of values is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "map" .Values.image) }}{{ fail "values.image is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.image "repository") }}{{ fail "values.image.repository is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.image "digest") }}{{ fail "values.image.digest is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.image }}
{{- if not (has $key (list "repository" "digest")) }}{{ fail "an unknown key of values.image is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "string" .Values.image.repository) }}{{ fail "values.image.repository is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[a-z0-9][a-z0-9._:/-]*$` .Values.image.repository) }}{{ fail "values.image.repository is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "string" .Values.image.digest) }}{{ fail "values.image.digest is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^sha256:[a-f0-9]{64}$` .Values.image.digest) }}{{ fail "values.image.digest is not what values.schema.json allows" }}{{ end }}
{{- if not (has .Values.engine (list "kyverno" "native")) }}{{ fail "values.engine is not what values.schema.json allows" }}{{ end }}
{{- if not (has .Values.mode (list "audit" "enforce")) }}{{ fail "values.mode is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "map" .Values.trust) }}{{ fail "values.trust is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.trust "policy.yaml") }}{{ fail "values.trust.policy.yaml is not what values.schema.json allows" }}{{ end }}
{{- range $key, $value := .Values.trust }}
{{- if not (kindIs "string" $key) }}{{ fail "values.trust is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[-._a-zA-Z0-9]{1,253}$` $key) }}{{ fail "values.trust is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "string" $value) }}{{ fail "values.trust is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "map" .Values.resources) }}{{ fail "values.resources is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.resources "limits") }}{{ fail "values.resources.limits is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.resources "requests") }}{{ fail "values.resources.requests is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.resources }}
{{- if not (has $key (list "limits" "requests")) }}{{ fail "an unknown key of values.resources is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "map" .Values.resources.limits) }}{{ fail "values.resources.limits is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.resources.limits "cpu") }}{{ fail "values.resources.limits.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.resources.limits "memory") }}{{ fail "values.resources.limits.memory is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.resources.limits }}
{{- if not (has $key (list "cpu" "memory")) }}{{ fail "an unknown key of values.resources.limits is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "string" .Values.resources.limits.cpu) }}{{ fail "values.resources.limits.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[0-9]+(\.[0-9]+)?m?$` .Values.resources.limits.cpu) }}{{ fail "values.resources.limits.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "string" .Values.resources.limits.memory) }}{{ fail "values.resources.limits.memory is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[0-9]+(\.[0-9]+)?(k|Ki|M|Mi|G|Gi)?$` .Values.resources.limits.memory) }}{{ fail "values.resources.limits.memory is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "map" .Values.resources.requests) }}{{ fail "values.resources.requests is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.resources.requests "cpu") }}{{ fail "values.resources.requests.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.resources.requests "memory") }}{{ fail "values.resources.requests.memory is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.resources.requests }}
{{- if not (has $key (list "cpu" "memory")) }}{{ fail "an unknown key of values.resources.requests is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "string" .Values.resources.requests.cpu) }}{{ fail "values.resources.requests.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[0-9]+(\.[0-9]+)?m?$` .Values.resources.requests.cpu) }}{{ fail "values.resources.requests.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "string" .Values.resources.requests.memory) }}{{ fail "values.resources.requests.memory is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[0-9]+(\.[0-9]+)?(k|Ki|M|Mi|G|Gi)?$` .Values.resources.requests.memory) }}{{ fail "values.resources.requests.memory is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "slice" .Values.platformContainers) }}{{ fail "values.platformContainers is not what values.schema.json allows" }}{{ end }}
{{- range .Values.platformContainers }}
{{- if not (kindIs "string" .) }}{{ fail "values.platformContainers is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[a-z0-9]([-a-z0-9]*[a-z0-9])?=[a-z0-9][a-z0-9._:/-]*$` .) }}{{ fail "values.platformContainers is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "slice" .Values.adminGroups) }}{{ fail "values.adminGroups is not what values.schema.json allows" }}{{ end }}
{{- if not (ge (len .Values.adminGroups) 1) }}{{ fail "values.adminGroups is not what values.schema.json allows" }}{{ end }}
{{- range .Values.adminGroups }}
{{- if not (kindIs "string" .) }}{{ fail "values.adminGroups is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[A-Za-z0-9][-A-Za-z0-9._:@/]*$` .) }}{{ fail "values.adminGroups is not what values.schema.json allows" }}{{ end }}
{{- if not (not (has . (list "system:authenticated" "system:unauthenticated" "system:serviceaccounts" "system:nodes"))) }}{{ fail "values.adminGroups is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "string" .Values.kyvernoNamespace) }}{{ fail "values.kyvernoNamespace is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$` .Values.kyvernoNamespace) }}{{ fail "values.kyvernoNamespace is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "bool" .Values.evidence) }}{{ fail "values.evidence is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "bool" .Values.provenance) }}{{ fail "values.provenance is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "map" .Values.reporter) }}{{ fail "values.reporter is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter "enabled") }}{{ fail "values.reporter.enabled is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter "verifierImages") }}{{ fail "values.reporter.verifierImages is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter "resources") }}{{ fail "values.reporter.resources is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.reporter }}
{{- if not (has $key (list "enabled" "verifierImages" "resources")) }}{{ fail "an unknown key of values.reporter is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "bool" .Values.reporter.enabled) }}{{ fail "values.reporter.enabled is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "slice" .Values.reporter.verifierImages) }}{{ fail "values.reporter.verifierImages is not what values.schema.json allows" }}{{ end }}
{{- range .Values.reporter.verifierImages }}
{{- if not (kindIs "string" .) }}{{ fail "values.reporter.verifierImages is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^sha256:[a-f0-9]{64}$` .) }}{{ fail "values.reporter.verifierImages is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "map" .Values.reporter.resources) }}{{ fail "values.reporter.resources is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter.resources "limits") }}{{ fail "values.reporter.resources.limits is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter.resources "requests") }}{{ fail "values.reporter.resources.requests is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.reporter.resources }}
{{- if not (has $key (list "limits" "requests")) }}{{ fail "an unknown key of values.reporter.resources is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "map" .Values.reporter.resources.limits) }}{{ fail "values.reporter.resources.limits is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter.resources.limits "cpu") }}{{ fail "values.reporter.resources.limits.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter.resources.limits "memory") }}{{ fail "values.reporter.resources.limits.memory is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.reporter.resources.limits }}
{{- if not (has $key (list "cpu" "memory")) }}{{ fail "an unknown key of values.reporter.resources.limits is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "string" .Values.reporter.resources.limits.cpu) }}{{ fail "values.reporter.resources.limits.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[0-9]+(\.[0-9]+)?m?$` .Values.reporter.resources.limits.cpu) }}{{ fail "values.reporter.resources.limits.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "string" .Values.reporter.resources.limits.memory) }}{{ fail "values.reporter.resources.limits.memory is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[0-9]+(\.[0-9]+)?(k|Ki|M|Mi|G|Gi)?$` .Values.reporter.resources.limits.memory) }}{{ fail "values.reporter.resources.limits.memory is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "map" .Values.reporter.resources.requests) }}{{ fail "values.reporter.resources.requests is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter.resources.requests "cpu") }}{{ fail "values.reporter.resources.requests.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.reporter.resources.requests "memory") }}{{ fail "values.reporter.resources.requests.memory is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.reporter.resources.requests }}
{{- if not (has $key (list "cpu" "memory")) }}{{ fail "an unknown key of values.reporter.resources.requests is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "string" .Values.reporter.resources.requests.cpu) }}{{ fail "values.reporter.resources.requests.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[0-9]+(\.[0-9]+)?m?$` .Values.reporter.resources.requests.cpu) }}{{ fail "values.reporter.resources.requests.cpu is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "string" .Values.reporter.resources.requests.memory) }}{{ fail "values.reporter.resources.requests.memory is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^[0-9]+(\.[0-9]+)?(k|Ki|M|Mi|G|Gi)?$` .Values.reporter.resources.requests.memory) }}{{ fail "values.reporter.resources.requests.memory is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "map" .Values.monitoring) }}{{ fail "values.monitoring is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.monitoring "enabled") }}{{ fail "values.monitoring.enabled is not what values.schema.json allows" }}{{ end }}
{{- if not (hasKey .Values.monitoring "labels") }}{{ fail "values.monitoring.labels is not what values.schema.json allows" }}{{ end }}
{{- range $key, $_ := .Values.monitoring }}
{{- if not (has $key (list "enabled" "labels")) }}{{ fail "an unknown key of values.monitoring is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- if not (kindIs "bool" .Values.monitoring.enabled) }}{{ fail "values.monitoring.enabled is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "map" .Values.monitoring.labels) }}{{ fail "values.monitoring.labels is not what values.schema.json allows" }}{{ end }}
{{- range $key, $value := .Values.monitoring.labels }}
{{- if not (kindIs "string" $key) }}{{ fail "values.monitoring.labels is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^([-a-z0-9.]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$` $key) }}{{ fail "values.monitoring.labels is not what values.schema.json allows" }}{{ end }}
{{- if not (kindIs "string" $value) }}{{ fail "values.monitoring.labels is not what values.schema.json allows" }}{{ end }}
{{- if not (regexMatch `^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$` $value) }}{{ fail "values.monitoring.labels is not what values.schema.json allows" }}{{ end }}
{{- end }}
{{- end }}
