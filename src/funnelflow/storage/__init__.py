"""What is stored, on SQLite or PostgreSQL: tables, rows, queries, and the unit of work."""
