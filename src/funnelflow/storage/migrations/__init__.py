"""The steps that bring a database to the tables of this version, run by Alembic."""
