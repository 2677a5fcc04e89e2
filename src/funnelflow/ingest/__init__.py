"""Files in: readers, mappings, checkpoints, rejects, and the runs `apply` and `import`."""
