"""The reader's small toolbox: what is the same in every notebook of the course, and nothing else."""
