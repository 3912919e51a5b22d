{{/* The application: app.kubernetes.io/name */}}
{{- define "nuncio.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The gateway's objects, by the rule of Emissary's chart. 52 characters leave room for what is put behind it. */}}
{{- define "nuncio.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "nuncio.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "nuncio.serviceName" -}}
{{- default (include "nuncio.fullname" .) .Values.service.nameOverride -}}
{{- end -}}

{{- define "nuncio.rbacName" -}}
{{- default (include "nuncio.fullname" .) .Values.rbac.nameOverride -}}
{{- end -}}

{{- define "nuncio.serviceAccountName" -}}
{{- default (ternary (include "nuncio.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "nuncio.admissionAccountName" -}}
{{- $made := printf "%s-admission" (include "nuncio.fullname" .) -}}
{{- with .Values.admission.serviceAccount -}}
{{- default (ternary $made "default" .create) .name -}}
{{- end -}}
{{- end -}}

{{/* Labels that say where an object is from, and select nothing. */}}
{{- define "nuncio.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "nuncio.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest | quote -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) | quote -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* With an autoscaler, the number of gateways of the moment, where a release has written a number before: a Deployment that loses one
goes to 1. It has if there was no autoscaler before this release, or if the autoscaler is marked. One that was there from the start
never gets a number, so that a rollback takes none away. */}}
{{- define "nuncio.liveReplicas" -}}
{{- $scaler := lookup "autoscaling/v2" "HorizontalPodAutoscaler" (include "nuncio.namespace" .) (include "nuncio.fullname" .) -}}
{{- if or (not $scaler) (dig "metadata" "annotations" "nuncio.dev/replicas-written" "" $scaler) -}}
{{- with lookup "apps/v1" "Deployment" (include "nuncio.namespace" .) (include "nuncio.fullname" .) -}}
{{- int .spec.replicas -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Seconds until the kubelet kills: the delay before the drain, the longest drain, and a little time to end. */}}
{{- define "nuncio.gracePeriod" -}}
{{- with .Values.terminationGracePeriodSeconds -}}
{{- int . -}}
{{- else -}}
{{- $drain := get .Values.env "AMBASSADOR_DRAIN_TIME" | toString -}}
{{- add (int .Values.drainDelaySeconds) (int (eq $drain "" | ternary "600" $drain)) 15 -}}
{{- end -}}
{{- end -}}

{{/* A list of maps as environment variables; of a name that two have, the later one counts. (merge takes false for unset.) */}}
{{- define "nuncio.env" -}}
{{- $all := dict }}
{{- range . }}
{{- range $name, $value := . }}
{{- $_ := set $all $name $value }}
{{- end }}
{{- end }}
{{- range $name, $value := $all }}
- name: {{ $name | quote }}
  value: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- end -}}

{{/* Each port and protocol once, the admin port too: server-side apply takes no two of one key. */}}
{{- define "nuncio.containerPorts" -}}
{{- $ports := dict }}
{{- $keys := list }}
{{- range prepend .Values.service.ports (dict "name" "admin" "targetPort" .Values.adminService.port) }}
{{- $key := printf "%d/%s" (int .targetPort) (default "TCP" .protocol) }}
{{- $port := get $ports $key | default (dict "name" .name "containerPort" (int .targetPort)) }}
{{- with .protocol }}
{{- $_ := set $port "protocol" . }}
{{- end }}
{{- with .hostPort }}
{{- if ne (int .) (get $port "hostPort" | default . | int) }}
{{- fail (printf "service.ports: targetPort %s has two values of hostPort; give each a targetPort, and a Listener, of its own" $key) }}
{{- end }}
{{- $_ := set $port "hostPort" (int .) }}
{{- end }}
{{- $_ := set $ports $key $port }}
{{- $keys = append $keys $key }}
{{- end }}
{{- range uniq $keys }}
- {{ get $ports . | toYaml | nindent 2 | trim }}
{{- end }}
{{- end -}}

{{/* Whether gateways take ports of their nodes. */}}
{{- define "nuncio.onNodes" -}}
{{- if .Values.hostNetwork }}true{{ end -}}
{{- range .Values.service.ports }}{{ if .hostPort }}true{{ end }}{{ end -}}
{{- end -}}

{{- define "nuncio.servicePorts" -}}
{{- range .Values.service.ports }}
- name: {{ .name | quote }}
  port: {{ int .port }}
  targetPort: {{ int .targetPort }}
  {{- with .protocol }}
  protocol: {{ . }}
  {{- end }}
  {{- with .nodePort }}
  nodePort: {{ int . }}
  {{- end }}
{{- end }}
{{- end -}}
