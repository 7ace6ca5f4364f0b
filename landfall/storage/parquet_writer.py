"""Turns a CSV into Parquet with DuckDB, every value the text that it is."""

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from landfall.exports.errors import StorageUnavailable
from landfall.settings import SettingsError
from landfall.storage.csv_header import Header, find_header
from landfall.storage.encodings import Encoding
from landfall.storage.packing import unpacked

_MEMORY = "512MB"
_GROUP_BYTES = 32 << 20  # DuckDB holds a few groups of rows
_MOST_GROUP_ROWS = 122_880
_LEAST_GROUP_ROWS = 2048
_LONGEST_RECORD_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 20
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
        """Open a DuckDB of its own, in memory. Raises StorageUnavailable where it is not installed."""
        try:
            import duckdb  # noqa: PLC0415 - an extra: most installations have none, and it takes 0.1 s to load
        except ModuleNotFoundError:
            raise StorageUnavailable(
                "the Parquet copy needs DuckDB; install it with `pip install 'landfall[parquet]'`"
            ) from None
        self._error: type[Exception] = duckdb.Error
        self._unreadable: type[Exception] = duckdb.InvalidInputException
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
        """Read the CSV, which has so many records, and write the Parquet file. Raises StorageUnavailable."""
        with source.open("rb", buffering=0) as file:
            head, header = _head(unpacked(iter(lambda: file.read(_CHUNK_BYTES), b""), encoding))
        group = min(_MOST_GROUP_ROWS, max(_LEAST_GROUP_ROWS, _GROUP_BYTES * rows // max(1, plain_bytes)))
        options = {**_options(head, header), "compression": _COMPRESSIONS[encoding]}
        # A blank line of a single column is a value, unless nothing but blank lines follows: so many are values.
        only = f" LIMIT {rows}" if len(header.columns) == 1 else ""
        for reading in _READINGS:
            table = f"read_csv({_literal(str(source))}, {_named({**options, **reading})})"
            if self._copied(f"SELECT * FROM {table}{only}", target, group) == rows:  # noqa: S608 - _literal quotes every value
                return
        raise StorageUnavailable(
            f"DuckDB cannot make a Parquet copy of these {rows} records; set parquet = false for the account"
        )

    def interrupt(self) -> None:
        """End what goes on in another thread."""
        with suppress(self._error):  # it may just have been closed
            self._connection.interrupt()

    def close(self) -> None:
        """Let go of all memory and temporary files."""
        self._connection.close()

    def _copied(self, query: str, target: Path, group: int) -> int | None:
        """How many records were written, None where the CSV could not be read this way."""
        try:
            found = self._connection.execute(
                f"COPY ({query}) TO {_literal(str(target))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group})"
            ).fetchone()
        except self._unreadable:
            return None
        except self._error as error:
            # Its text may quote the file.
            raise StorageUnavailable(f"DuckDB could not write the Parquet copy ({type(error).__name__})") from None
        return int(found[0]) if found else None


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
    head, header = b"", None
    for chunk in chunks:
        head += chunk
        header = find_header(head, final=False) if b"\n" in chunk else None
        if header is not None:
            return head, header
    header = find_header(head, final=True)
    if header is None or not header.columns:
        raise StorageUnavailable("a file without a header can have no Parquet copy")
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
