"""Whether the artefacts of a workspace are as they were written: what there is to look at, and what is found wrong."""
