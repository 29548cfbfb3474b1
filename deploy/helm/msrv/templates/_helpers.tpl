{{- /*
SPDX-FileCopyrightText: MSRV contributors
SPDX-License-Identifier: AGPL-3.0-or-later
*/ -}}
{{- define "msrv.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-msrv" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "msrv.selector" -}}
app.kubernetes.io/name: msrv
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "msrv.labels" -}}
{{ include "msrv.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "msrv.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "msrv.host" -}}
{{- (urlParse .Values.publicUrl).hostname -}}
{{- end -}}

{{- define "msrv.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "msrv.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* What can't work, or would lose sales, with what to set instead. */ -}}
{{- define "msrv.validate" -}}
{{- if hasKey .Values.data "emptyDir" -}}
{{- fail "data.emptyDir: an emptyDir is deleted with its pod, and with it sales that the database doesn't have yet, unprocessed webhooks and unsent mails: leave it out, and the chart claims a volume for each replica" -}}
{{- end -}}
{{- if not .Values.publicUrl -}}
{{- fail "publicUrl: set the store's public address, like https://shop.example" -}}
{{- end -}}
{{- if not .Values.trustedProxies -}}
{{- fail "trustedProxies: set the networks of the gateway's pods, like [10.42.0.0/16]: without them, all visitors share the limits of one address" -}}
{{- end -}}
{{- if not (hasKey .Values.secret.files "NONCE") -}}
{{- fail "secret.files: NONCE is missing: each replica would generate its own, and refuse the links of the others" -}}
{{- end -}}
{{- if not (hasKey .Values.secret.files "MSRV_DATABASE") -}}
{{- fail "secret.files: MSRV_DATABASE is missing: each replica would record its sales in a file of its own" -}}
{{- end -}}
{{- if eq (empty .Values.library.claim) (empty .Values.library.bucket) -}}
{{- fail "library: set one of claim and bucket" -}}
{{- end -}}
{{- range $name, $_ := .Values.settings -}}
{{- if has $name (list "MSRV_PUBLIC_URL" "MSRV_TRUSTED_PROXIES" "MSRV_DRAIN_SECONDS" "MSRV_DATA" "MSRV_LIBRARY" "MSRV_ENCODINGS" "MSRV_HOST" "MSRV_PORT" "MSRV_TLS" "MSRV_DOMAIN" "MSRV_DATABASE_CA" "MSRV_DATABASE_PRIVATE_NETWORKS") -}}
{{- fail (printf "settings: %s is set by the chart, from other values" $name) -}}
{{- end -}}
{{- if has $name (list "NONCE" "NONCE_PREVIOUS" "MSRV_DATABASE" "MSRV_DATABASE_READ" "MSRV_STRIPE_KEY" "MSRV_STRIPE_WEBHOOK_SECRET" "MSRV_SMTP_URL" "MSRV_WEBHOOKS" "MSRV_NEWSLETTER" "MSRV_ADDRESS_INDEX_KEY" "MSRV_ACME_EAB_KEY" "MSRV_CDN_KEY") -}}
{{- fail (printf "settings: %s is a secret: put it in the Secret, and its key in secret.files" $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.ingressFrom) -}}
{{- fail "networkPolicy.ingressFrom: name the gateway's pods, or nothing can reach the store" -}}
{{- end -}}
{{- if and .Values.gateway.enabled (eq .Values.gateway.create (not (empty .Values.gateway.parentRefs))) -}}
{{- fail "gateway: set one of parentRefs and create" -}}
{{- end -}}
{{- if and .Values.gateway.create (not .Values.gateway.className) -}}
{{- fail "gateway.className: name a GatewayClass of your cluster" -}}
{{- end -}}
{{- end -}}
