"""Counts the records of a CSV and holds each of them to the header's number of fields."""

from landfall.storage.csv_quotes import Outside


class Fields:
    """Fed with what stands outside quotes; counts until the first record with another number of fields.

    A blank line is no record, save where the header has one column: there it is an empty value, unless nothing but
    blank lines follows.
    """

    def __init__(self, delimiter: bytes, columns: int) -> None:
        """Start behind the header."""
        self.flaw: str | None = None
        self._rows = 0
        self._columns = columns
        self._delimiter = delimiter
        self._record = delimiter * (columns - 1) + b"\n"
        self._steady = b""
        self._delimiters = 0  # in the line that is open
        self._blank = True  # the line that is open
        self._blank_lines = 0  # before it, one after the other

    @property
    def rows(self) -> int:
        """Records if the file ended here, those before the flaw if there is one."""
        if self.flaw or self.flaw_at_end:
            return self._rows
        if not self._blank:
            return self._rows + 1
        return self._rows - (self._blank_lines if self._columns == 1 else 0)

    @property
    def flaw_at_end(self) -> str | None:
        """What is wrong if the file ended here."""
        if self.flaw or self._blank or self._delimiters + 1 == self._columns:
            return self.flaw
        return self._sentence(self._delimiters + 1, ", the last,")

    def take(self, outside: Outside) -> None:
        """Take the next piece."""
        if not self._take_steady(outside.marks):
            self._take_lines(outside.text.split(b"\n"))
        if outside.stray and not self.flaw:
            self.flaw = (
                f"record {self._rows + 1} has a quoted field that runs over lines and goes on behind its closing quote"
            )
        if self.flaw:
            return
        if self._columns == 1:
            self._note_blank_lines(outside.text)
        tail = outside.text[outside.text.rfind(b"\n") + 1 :]
        self._blank = (self._blank or len(tail) < len(outside.text)) and not tail.strip(b"\r")

    def _take_steady(self, marks: bytes) -> bool:
        """Take all at once where the marks are one and the same record again and again."""
        if self._delimiters >= self._columns:
            return False
        marks = self._delimiter * self._delimiters + marks
        if len(marks) > len(self._steady):
            self._steady = self._record * (len(marks) // self._columns + 1)
        if not self._steady.startswith(marks):
            return False
        rows, self._delimiters = divmod(len(marks), self._columns)
        self._rows += rows
        return True

    def _take_lines(self, lines: list[bytes]) -> None:
        delimiters, blank = self._delimiters, self._blank
        for line in lines[:-1]:
            delimiters += line.count(self._delimiter)
            if delimiters + 1 == self._columns:
                self._rows += 1
            elif not blank or line.strip(b"\r"):
                self.flaw = self._sentence(delimiters + 1)
                return
            delimiters, blank = 0, True
        self._delimiters = delimiters + lines[-1].count(self._delimiter)

    def _note_blank_lines(self, text: bytes) -> None:
        stripped = text.rstrip(b"\r\n")
        newlines = text.count(b"\n", len(stripped))
        if stripped or not self._blank:
            self._blank_lines = max(0, newlines - 1)
        else:
            self._blank_lines += newlines

    def _sentence(self, fields: int, which: str = "") -> str:
        plural = "" if fields == 1 else "s"
        return f"record {self._rows + 1}{which} has {fields} field{plural}, the header has {self._columns}"
