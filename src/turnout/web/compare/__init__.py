"""What the page `/compare` is made of: a comparison's findings, how it is started, and what is known of it."""
