"""Where a request would go, and why: a pretend request, asked of the route table that is compiled for Envoy."""
