"""The tables of the spool's file, and the way to them from those of older agents."""

from __future__ import annotations

import sqlite3

VERSION = 2
BASE = "CREATE TABLE IF NOT EXISTS base (id INTEGER PRIMARY KEY, body BLOB);"
NEW = f"""
CREATE TABLE IF NOT EXISTS epoch (place INTEGER PRIMARY KEY, epoch INTEGER UNIQUE, next INTEGER);
CREATE TABLE IF NOT EXISTS report (
    epoch INTEGER, seq INTEGER, ts INTEGER, body BLOB, base INTEGER, PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lost (epoch INTEGER, first INTEGER, last INTEGER, reason TEXT);
{BASE}
"""
FROM_1 = f"""
ALTER TABLE report ADD COLUMN base INTEGER;
{BASE}
"""
"""In version 1 every report is in full."""
SCRIPTS = {0: NEW, 1: FROM_1}


class ForeignSpoolError(sqlite3.DatabaseError):
    """The file is a database, but not a spool of a version that is known here."""


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables, all or nothing; raises `ForeignSpoolError`."""
    ((found,),) = db.execute("PRAGMA user_version")
    if found == VERSION:
        return
    if found not in SCRIPTS:
        raise ForeignSpoolError(f"a spool of version {found}, not {VERSION}")
    try:
        script = f"BEGIN IMMEDIATE; {SCRIPTS[found]} PRAGMA user_version = {VERSION}; COMMIT;"
        db.executescript(script)
    except sqlite3.Error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
