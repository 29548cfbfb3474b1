"""What is wrong with an operator's files, said so that they can mend it.

A problem is data, not an exception: reading a library collects them and goes
on, so that one broken folder never takes the others down.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where it is, and one sentence on what it is.

    `where` is a path relative to the library, as text that is safe to print
    (control characters escaped). `line` counts from 1; None where a line
    means nothing.
    """

    where: str
    line: int | None
    what: str

    def __str__(self) -> str:
        """Read as compilers write: `where:line: what`."""
        place = (
            self.where if self.line is None else f"{self.where}:{self.line}"
        )
        return f"{place}: {self.what}"
