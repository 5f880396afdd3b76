"""What a reader may ask, before the engine's own read-only mode has its say.

The engine refuses writes and changed limits (`readonly = 1`). What it lets pass, measured on chDB
26.9: INTO OUTFILE writes a file as us, USE and KILL act on others, and several statements in one
text hide the later ones behind the first.
"""

import re

_ALLOWED = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS")
# One pass from the left, as the engine reads: a quote within a comment is none, and vice versa.
_SPAN = re.compile(
    r"(?P<quoted>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`(?:[^`\\]|\\.|``)*`)"
    r"|--[^\n]*|\#[! ][^\n]*|/\*.*?\*/",
    re.DOTALL,
)
_FIRST = re.compile(r"[\s(]*([A-Za-z]+)")
_HEREDOC = re.compile(r"\$\w*\$")
_OUTFILE = re.compile(r"(?i)\boutfile\b")


class QueryRefused(ValueError):
    """The query is not answered; the message says why, in words for whoever asked."""


def checked(sql: str) -> str:
    """One statement that reads, without its closing semicolon. Raises QueryRefused."""
    statement = sql.strip().rstrip(";").rstrip()
    if _HEREDOC.search(statement):
        raise QueryRefused("text between $...$ is not allowed: use '...'")
    bare = _SPAN.sub(lambda span: "''" if span["quoted"] else " ", statement)
    if ";" in bare:
        raise QueryRefused("one statement at a time")
    if _OUTFILE.search(statement):
        raise QueryRefused("INTO OUTFILE is not allowed (nor is its word anywhere in a query)")
    first = _FIRST.match(bare)
    if first is None or first[1].upper() not in _ALLOWED:
        raise QueryRefused(f"only {', '.join(_ALLOWED)} are allowed here")
    return statement
