"""The local database: SQLite through SQLAlchemy Core, one writer, append-only evidence.

The only room that imports sqlalchemy.
"""
