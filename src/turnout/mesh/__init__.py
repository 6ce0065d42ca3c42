"""Resources and running instances to one immutable Mesh, and the problems found between them. Pure."""
