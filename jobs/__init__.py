"""What runs: one thin module per job, and the settings files."""
