{{/* A program's Deployment and Service: root, component, values, replicas (empty: not
     said), grace, env, port, deadline (of a roll-out; none: Kubernetes' own). */}}
{{- define "bellhop.program" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "bellhop.name" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "bellhop.labels" . | nindent 4 }}
spec:
  {{- if .replicas }}
  replicas: {{ .replicas }}
  {{- end }}
  # One comes before one goes: streams always have somewhere to come back to.
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  minReadySeconds: 5
  {{- with .deadline }}
  progressDeadlineSeconds: {{ . }}
  {{- end }}
  selector:
    matchLabels: {{- include "bellhop.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "bellhop.labels" . | nindent 8 }}
      annotations:
        checksum/policies: {{ .root.Values.policies | sha256sum }}
        {{- with .values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .grace }}
      securityContext: {{- include "bellhop.podSecurity" .root | nindent 8 }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- include "bellhop.placement" . | nindent 6 }}
      containers:
        - name: {{ .component }}
          image: {{ include "bellhop.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: [/usr/local/bin/{{ .component }}]
          securityContext: {{- include "bellhop.containerSecurity" .root | nindent 12 }}
          env: {{- include "bellhop.env" . | trim | nindent 12 }}
            {{- .env | trim | nindent 12 }}
          ports:
            - {name: http, containerPort: {{ .port }}}
            - {name: metrics, containerPort: 9090}
          startupProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 1
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /livez, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: http}
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 2
          resources: {{- toYaml .values.resources | nindent 12 }}
          {{- /* Whole: a file that was mounted by itself would stay as it is when the Secret changes. */}}
          {{- $webhooks := and (eq .component "notifier") .root.Values.webhooks.secret }}
          {{- if or .root.Values.policies $webhooks }}
          volumeMounts:
            {{- if .root.Values.policies }}
            - {name: policies, mountPath: /etc/bellhop, readOnly: true}
            {{- end }}
            {{- if $webhooks }}
            - {name: webhooks, mountPath: /run/secrets/webhooks, readOnly: true}
            {{- end }}
      volumes:
        {{- if .root.Values.policies }}
        - name: policies
          configMap: {name: {{ include "bellhop.name" .root }}-policies}
        {{- end }}
        {{- if $webhooks }}
        - name: webhooks
          secret: {secretName: {{ $webhooks | quote }}}
        {{- end }}
          {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "bellhop.name" .root }}-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "bellhop.labels" . | nindent 4 }}
  {{- with .values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .values.service.type }}
  selector: {{- include "bellhop.selector" . | nindent 4 }}
  ports:
    - {name: http, port: 80, targetPort: http, appProtocol: http}
{{- end }}
