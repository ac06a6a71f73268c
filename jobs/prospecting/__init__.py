"""The ensembles of networks by which the job prospect ranks locations."""
