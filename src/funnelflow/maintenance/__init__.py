"""Work on a whole workspace: adopting a definition, time passing, verifying."""
