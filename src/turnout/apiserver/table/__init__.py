"""Objects as rows: what `kubectl get` prints, and the same for whoever asks for metadata alone."""
