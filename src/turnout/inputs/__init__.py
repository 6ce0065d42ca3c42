"""Where resources come from: manifests, turnout.yaml, the folders behind images; and what a change of them means."""
