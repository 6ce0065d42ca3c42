"""A cluster's Istio as the commands see it: what an instance tells of itself, told of live objects and Prometheus."""
