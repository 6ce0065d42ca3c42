"""`make demo-rollout`: evidence decides. `python -m scripts.demo_rollout` from the project's folder."""
