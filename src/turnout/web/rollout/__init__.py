"""What the page `/rollouts` is made of: a rollout's story, its steps, its guards, and the orders that people give."""
