"""What `docs/statistics.md` says, simulated. `python -m scripts.statistics` from the project's folder."""
