"""What a task of acquire does on a worker. The packages archive and imagery meet here."""
