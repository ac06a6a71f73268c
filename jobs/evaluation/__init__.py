"""What the job evaluate compares: the samples that were held out, and what the models predict for them."""
