"""(Mesh, proxies) to one Envoy's configuration. Pure: the same arguments give the same bytes."""
