"""What runs, as objects that clients of Kubernetes look for: Pods, ReplicaSets, Endpoints, Events, statuses."""
