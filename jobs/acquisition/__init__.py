"""What a task of acquire does on a worker, where archive and imagery meet, and the client's watch over the workers."""
