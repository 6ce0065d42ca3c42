{{- define "turnout.labels" -}}
app.kubernetes.io/name: turnout-controller
app.kubernetes.io/part-of: turnout
{{- end }}
{{- define "turnout.rules" -}}
{{- if .Values.configMaps }}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, patch]
{{- else }}
- apiGroups: [turnout.dev]
  resources: [rollouts]
  verbs: [get, list, patch]
- apiGroups: [turnout.dev]
  resources: [rollouts/status]
  verbs: [patch]
{{- end }}
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [list, patch]
- apiGroups: [networking.istio.io]
  resources: [destinationrules]
  verbs: [list]
- apiGroups: [""]
  resources: [services]
  verbs: [get]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- if .Values.allNamespaces }}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [list]
{{- end }}
{{- end }}
