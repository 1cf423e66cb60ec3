"""What a query selects: from a database of DuckDB or SQLite, or from any table by DuckDB's SQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError

if TYPE_CHECKING:
    import polars as pl

_SQLITE = b"SQLite format 3\0"
SUFFIXES = (".duckdb", ".db", ".sqlite", ".sqlite3")
_SHOWN = 10  # tables


def read_database(path: Path, query: str | None) -> pl.DataFrame:
    """What the query selects from a database, or its only table."""
    with open(path, "rb") as file:
        head = file.read(len(_SQLITE))
    return _sqlite(path, query) if head == _SQLITE else _duckdb(path, query)


def select(table: pl.DataFrame | None, query: str) -> pl.DataFrame:
    """What the query selects, where the table is called data, and other files are 'their path'."""
    with _connected(":memory:") as connection:
        if table is not None:
            connection.register("data", table)
        return _frame(connection, query)


def _duckdb(path: Path, query: str | None) -> pl.DataFrame:
    with _connected(str(path), read_only=True) as connection:
        if query is None:
            listed = "from duckdb_tables() select table_name union all from duckdb_views() select view_name "
            listed += "where not internal"
            query = _whole([row[0] for row in connection.sql(listed).fetchall()], path)
        return _frame(connection, query)


def _connected(name: str, **options: Any) -> Any:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise InputError("A query needs DuckDB: pip install 'unnoise[query]'.") from None
    return duckdb.connect(name, **options)


def _frame(connection: Any, query: str) -> pl.DataFrame:
    import duckdb
    import polars as pl

    try:
        found = connection.sql(query)
        if found is None:
            raise InputError("The query selects nothing; expected one that begins with select or from.")
        return pl.DataFrame(found)
    except duckdb.Error as error:
        raise InputError(f"DuckDB cannot run the query: {_first_line(error)}.") from None
    except ModuleNotFoundError:
        raise InputError("A query needs DuckDB and Arrow: pip install 'unnoise[query]'.") from None


def _sqlite(path: Path, query: str | None) -> pl.DataFrame:
    import polars as pl

    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            if query is None:
                listed = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite_%'"
                query = _whole([row[0] for row in connection.execute(listed)], path)
            cursor = connection.execute(query)
            if cursor.description is None:
                raise InputError("The query selects nothing; expected one that begins with select.")
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise InputError(f"SQLite cannot run the query: {_first_line(error)}.") from None
    columns = {f"{i}": [row[i] for row in rows] for i in range(len(names))}
    for i, held in columns.items():
        kinds = {float if isinstance(value, int) else type(value) for value in held if value is not None}
        if len(kinds) > 1:
            raise InputError(f"Column '{names[int(i)]}' of {path} holds values of several types; cast it in the query.")
    frame = pl.DataFrame(columns, infer_schema_length=None, strict=False)
    if len(set(names)) < len(names):
        raise InputError("The query selects two columns of the same name; rename one by as.")
    frame.columns = names
    return frame


def _whole(tables: list[str], path: Path) -> str:
    """The query for the only table."""
    if len(tables) != 1:
        shown = ", ".join(tables[:_SHOWN]) + (", ..." if len(tables) > _SHOWN else "")
        raise InputError(
            f"{path} holds {len(tables)} tables ({shown}); say what to read: --query 'select * from NAME' (query=)."
        )
    return 'select * from "{}"'.format(tables[0].replace('"', '""'))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "").rstrip(".")
