"""What Envoy counted: scraped, kept for a while, summed up."""
