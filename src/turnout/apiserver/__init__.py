"""The resource API of one machine: objects as Kubernetes keeps them, over HTTP as Kubernetes serves them."""
