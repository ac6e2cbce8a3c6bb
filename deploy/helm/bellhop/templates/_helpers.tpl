{{/* The names and labels that everything shares. */}}
{{- define "bellhop.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "bellhop.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "bellhop.labels" -}}
{{ include "bellhop.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "bellhop.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}

{{/* Longer than the delay, the spread and the ten seconds of the rest: the kubelet
     must not kill what still says good-bye. */}}
{{- define "bellhop.grace" -}}
{{- add .Values.drain.delaySeconds .Values.drain.spreadSeconds 15 }}
{{- end }}

{{/* A variable out of a Secret; nothing where none is named. */}}
{{- define "bellhop.secret" -}}
{{- if .from.secret }}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .from.secret | quote }}, key: {{ .from.key | quote }}}}
{{- end }}
{{- end }}

{{- define "bellhop.storage" -}}
{{- include "bellhop.secret" (dict "name" "BELLHOP_MYSQL_PRIMARY" "from" .Values.mysql.primary) }}
{{- include "bellhop.secret" (dict "name" "BELLHOP_MYSQL_REPLICAS" "from" .Values.mysql.replicas) }}
{{- end }}

{{/* What both programs are told. */}}
{{- define "bellhop.env" -}}
{{- include "bellhop.storage" .root }}
{{- include "bellhop.secret" (dict "name" "BELLHOP_REDIS" "from" .root.Values.redis) }}
- name: BELLHOP_DRAIN_DELAY
  value: {{ printf "%ds" (int .root.Values.drain.delaySeconds) | quote }}
- name: BELLHOP_ADMIN_LISTEN
  value: ":9090"
{{- if .root.Values.policies }}
- name: BELLHOP_POLICIES
  value: /etc/bellhop/policies.yaml
{{- end }}
- name: GOMEMLIMIT
  value: {{ include "bellhop.memory" .values | quote }}
{{- range $name, $value := .values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Nine tenths of the container's memory, which is given in Mi or Gi. */}}
{{- define "bellhop.memory" -}}
{{- $limit := .resources.limits.memory }}
{{- $mi := trimSuffix "Mi" $limit | int }}
{{- if hasSuffix "Gi" $limit }}{{ $mi = mul 1024 (trimSuffix "Gi" $limit | int) }}{{ end }}
{{- div (mul $mi 9) 10 }}MiB
{{- end }}

{{- define "bellhop.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "bellhop.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Where the Pods of a component go: apart from each other, as far as that is
     possible. */}}
{{- define "bellhop.placement" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "bellhop.selector" . | nindent 8 }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "bellhop.selector" . | nindent 8 }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
