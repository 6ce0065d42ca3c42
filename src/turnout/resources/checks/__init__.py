"""Per-object validation: what makes one object invalid, whatever else there is. Istio's rules, and Kubernetes'."""
