"""What `jobs.curate` is made of: the ground that is left out."""
