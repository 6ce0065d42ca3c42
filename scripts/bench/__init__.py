"""What `make bench` runs: `python -m scripts.bench`."""
