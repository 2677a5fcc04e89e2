"""Opening a workspace: its settings, and `Workspace`, whose methods lead to the use cases."""
