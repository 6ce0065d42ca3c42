"""What a change of manifests would do to traffic: two meshes, held against each other route by route. Pure."""
