"""Reads a CSV letter by letter, by the rules of csv.reader, for the tests of what reads it by the megabyte."""

from dataclasses import dataclass, field


@dataclass
class Record:
    fields: int = 1
    blank: bool = True
    stray: bool = False


@dataclass
class Reading:
    records: list[Record] = field(default_factory=list)
    quoted: bool = False
    newline_last: bool = True


def read(text: str, delimiter: str = ",") -> Reading:
    reading, record = Reading(), Record()
    state, over_lines = "begin", False
    for letter in text:
        if state == "quoted":
            over_lines = over_lines or letter == "\n"
            state = "quote" if letter == '"' else "quoted"
        elif state == "quote" and letter == '"':
            state = "quoted"
        elif letter == "\n":
            reading.records.append(record)
            record, state = Record(), "begin"
        elif letter == delimiter:
            record.fields, record.blank, state = record.fields + 1, False, "begin"
        elif state == "begin" and letter == '"':
            record.blank, state, over_lines = False, "quoted", False
        elif letter == "\r":
            state = "text"
        else:
            record.stray = record.stray or (state == "quote" and over_lines)
            record.blank, state = False, "text"
    reading.quoted = state == "quoted"
    reading.newline_last = record == Record()
    if not reading.newline_last:
        reading.records.append(record)
    return reading


def expected(text: str) -> tuple[int, str | None]:
    """Rows and problem of a CSV whose delimiter is the comma."""
    reading = read(text)
    records = [record for record in reading.records if not record.blank]
    if records and records[0].fields == 1:
        records = reading.records[reading.records.index(records[0]) :]
        while records[-1].blank:
            records.pop()
    if not records:
        return 0, None
    header, rows = records[0], records[1:]
    if header.stray:
        return 0, "the header has a quoted name that runs over lines and goes on behind its closing quote"
    for number, row in enumerate(rows, 1):
        last = number == len(rows) and not reading.newline_last
        if row.stray:
            why = f"record {number} has a quoted field that runs over lines and goes on behind its closing quote"
            return number - 1, why
        if last and reading.quoted:
            break
        if row.fields != header.fields:
            plural, which = "" if row.fields == 1 else "s", ", the last," if last else ""
            return number - 1, f"record {number}{which} has {row.fields} field{plural}, the header has {header.fields}"
    return len(rows), "the file ends inside a quoted field" if reading.quoted else None
