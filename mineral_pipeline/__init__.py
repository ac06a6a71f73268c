"""Learn from orbit where minerals are: the library behind the jobs.

The packages and what each may import are described in docs/architecture.md.
"""
