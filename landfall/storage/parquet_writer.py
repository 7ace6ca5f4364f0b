"""Turns a CSV into Parquet with DuckDB, every value the text that it is."""

import errno
import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from landfall.exports.errors import CopyRefused, StorageFull, StorageUnavailable
from landfall.settings import SettingsError
from landfall.storage.csv_header import Header, HeaderRefused, find_header
from landfall.storage.encodings import Encoding
from landfall.storage.packing import unpacked

_MEMORY = "512MB"
_GROUP_BYTES = 32 << 20  # DuckDB holds a few groups of rows
_MOST_GROUP_ROWS = 122_880
_LEAST_GROUP_ROWS = 2048
_LONGEST_RECORD_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
_NO_ROOM = os.strerror(errno.ENOSPC)
_REASONS: Mapping[str, str] = {
    "Maximum line size": f"one of its records is longer than {_LONGEST_RECORD_BYTES >> 20} MiB",
    "Expected Number of Columns": "a record is cut in two, as a carriage return inside an unquoted value does it",
    "invalid state": "its quotes or line ends are not those of RFC 4180",
    _NO_ROOM: "no room is left below LANDFALL_HOME",
}
_COMPRESSIONS: Mapping[Encoding, str] = {"identity": "none", "gzip": "gzip", "zstd": "zstd"}
# One after the other: what DuckDB calls strict refuses files whose lines end now in LF, now in CRLF.
_READINGS: tuple[Mapping[str, object], ...] = (
    {"strict_mode": True},
    {"strict_mode": False},
    {"strict_mode": False, "encoding": "latin-1"},
)


def check_installed(setting: str) -> None:
    """Raise SettingsError, naming the setting and the cure, where DuckDB is missing."""
    if importlib.util.find_spec("duckdb") is None:
        raise SettingsError(
            f"{setting}: the Parquet copy needs DuckDB; install it with `pip install 'landfall[parquet]'` "
            "or set it to false."
        )


class ParquetWriter:
    """Writes one Parquet file; its temporary files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Open a DuckDB of its own, in memory. Raises CopyRefused where it is not installed."""
        try:
            import duckdb  # noqa: PLC0415 - an extra: most installations have none, and it takes 0.1 s to load
        except ModuleNotFoundError:
            raise CopyRefused(
                "the Parquet copy needs DuckDB; install it with `pip install 'landfall[parquet]'`"
            ) from None
        self._error: type[Exception] = duckdb.Error
        self._unwritten: type[Exception] = duckdb.IOException
        self._interrupted: type[Exception] = duckdb.InterruptException
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": _MEMORY,
                "threads": 1,
                "temp_directory": str(folder),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )

    def write(self, source: Path, target: Path, *, encoding: Encoding, rows: int, plain_bytes: int) -> None:
        """Read the CSV, which has so many records, and write the Parquet file.

        Raises CopyRefused where DuckDB cannot, StorageUnavailable and StorageFull where the disk does not let it.
        """
        with source.open("rb", buffering=0) as file:
            head, header = _head(unpacked(iter(lambda: file.read(_CHUNK_BYTES), b""), encoding))
        group = min(_MOST_GROUP_ROWS, max(_LEAST_GROUP_ROWS, _GROUP_BYTES * rows // max(1, plain_bytes)))
        options = {**_options(head, header), "compression": _COMPRESSIONS[encoding]}
        reason = ""
        for reading in _READINGS:
            table = f"read_csv({_literal(str(source))}, {_named({**options, **reading})})"
            written = self._written(table, target, group, rows=rows, single=len(header.columns) == 1)
            if written == rows:
                return
            reason = written if isinstance(written, str) else f"it reads {written} records where the file has {rows}"
        raise CopyRefused(f"DuckDB cannot make a Parquet copy of the file: {reason}")

    def interrupt(self) -> None:
        """End what goes on in another thread."""
        with suppress(self._error):  # it may just have been closed
            self._connection.interrupt()

    def close(self) -> None:
        """Let go of all memory and temporary files."""
        self._connection.close()

    def _written(self, table: str, target: Path, group: int, *, rows: int, single: bool) -> int | str:
        """How many records the table has, all of them written if they are `rows`; or why the CSV cannot be read this way."""
        how = f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group})"
        query = f"SELECT * FROM {table}"  # noqa: S608 - _literal has quoted every value
        if not single:
            return self._count(f"COPY ({query}) TO {_literal(str(target))} {how}")
        # A blank line of a single column is a value, unless nothing but blank lines follows.
        written = self._count(f"COPY ({query} LIMIT {rows}) TO {_literal(str(target))} {how}")
        beyond = self._count(f"SELECT count(*) FROM ({query} OFFSET {rows}) AS beyond(value) WHERE value <> ''")  # noqa: S608 - as above
        if isinstance(written, str) or isinstance(beyond, str):
            return written if isinstance(written, str) else beyond
        return written + beyond

    def _count(self, query: str) -> int | str:
        """What the query counts, or why it cannot be run."""
        try:
            found = self._connection.execute(query).fetchone()
        except self._unwritten as error:
            kind = StorageFull if _NO_ROOM in str(error) else StorageUnavailable
            raise kind(f"DuckDB could not write the Parquet copy: {_reason(error)}") from None
        except self._interrupted:
            raise StorageUnavailable("the making of the Parquet copy was interrupted") from None
        except Exception as error:  # noqa: BLE001 - whatever it is must cost the copy alone, not the export
            return _reason(error)
        return int(found[0]) if found else 0


def _reason(error: Exception) -> str:
    """Why DuckDB refused, in our own words: its text may quote the file."""
    text = str(error)
    return next((reason for known, reason in _REASONS.items() if known in text), type(error).__name__)


def column_names(columns: Sequence[str]) -> list[str]:
    """The header's names, numbered where one is empty or there already: Parquet takes each once, whatever its case."""
    names: dict[str, str] = {}
    for number, column in enumerate(columns, 1):
        base = column.replace("\0", "_") or f"column{number}"
        name, again = base, 1
        while name.casefold() in names:
            again += 1
            name = f"{base}_{again}"
        names[name.casefold()] = name
    return list(names.values())


def _head(chunks: Iterator[bytes]) -> tuple[bytes, Header]:
    try:
        return _found_head(chunks)
    except HeaderRefused as error:
        raise CopyRefused(f"no Parquet copy can be made of the file: {error}") from None


def _found_head(chunks: Iterator[bytes]) -> tuple[bytes, Header]:
    head, header = b"", None
    for chunk in chunks:
        head += chunk
        header = find_header(head, final=False) if b"\n" in chunk else None
        if header is not None:
            return head, header
    header = find_header(head, final=True)
    if header is None or not header.columns:
        raise CopyRefused("a file without a header can have no Parquet copy")
    return head, header


def _options(head: bytes, header: Header) -> dict[str, object]:
    names = column_names(header.columns)
    text = head[3 if header.bom else 0 :]
    blank = text[: len(text) - len(text.lstrip(b"\r\n"))]
    return {
        "auto_detect": False,
        "header": True,
        "skip": blank.count(b"\n"),
        "delim": header.delimiter.decode(),
        "quote": '"',
        "escape": '"',
        "columns": dict.fromkeys(names, "VARCHAR"),
        "force_not_null": names,
        "max_line_size": _LONGEST_RECORD_BYTES,
    }


def _named(options: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {_literal(value)}" for name, value in options.items())


def _literal(value: object) -> str:
    """A value as DuckDB's SQL has it."""
    match value:
        case bool() | int():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{_literal(name)}: {_literal(each)}' for name, each in value.items())}}}"
        case _:
            text = str(value).replace("'", "''")
            return f"'{text}'"
