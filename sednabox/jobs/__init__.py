"""What `sednabox job` does: `change` and `look`, on what `site` knows."""
