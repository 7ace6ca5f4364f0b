"""Writes the completion script for fish."""

from collections.abc import Iterator, Sequence

from cli.completion.tree import Kind, Node, Option

_BEGIN = """\
# Completes landfall in fish; made by `landfall completion fish`.
function __landfall_at --description 'Whether these are the words of the command so far'
    set -l path
    for each in (commandline -opc)[2..-1]
        string match -q -- '-*' $each; and continue
        contains -- "$path" '' @GROUPS@; or break
        set path (string join ' ' $path $each)
    end
    test "$path" = "$argv"
end
function __landfall_accounts
    set -l words (commandline -opc)
    $words[1] completion --accounts 2>/dev/null
end
complete -c landfall -f"""


def script(nodes: Sequence[Node]) -> str:
    """The script."""
    groups = " ".join(_quoted(node.path) for node in nodes if node.words)
    return "\n".join([_BEGIN.replace("@GROUPS@", groups), *_lines(nodes)])


def _lines(nodes: Sequence[Node]) -> Iterator[str]:
    yield from _of_words("", [node for node in nodes if " " not in node.path])
    yield from _of_options("", [Option(["--version"], "Tell the release."), Option(["-h", "--help"], "Show the help.")])
    for node in nodes:
        yield from _of_words(node.path, [each for each in nodes if each.path.rpartition(" ")[0] == node.path])
        if values := _values(node.argument, node.choices):
            yield f"{_at(node.path)} {values}"
        yield from _of_options(node.path, node.options)


def _of_words(path: str, following: Sequence[Node]) -> Iterator[str]:
    for node in following:
        yield f"{_at(path)} -a {_quoted(node.path.rpartition(' ')[2])} -d {_quoted(node.about)}"


def _of_options(path: str, options: Sequence[Option]) -> Iterator[str]:
    for option in options:
        names = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
        files_too = "-r" if option.kind is Kind.FILE else "-x"
        value = "" if option.kind is Kind.NOTHING else f" {files_too} {_values(option.kind, option.choices)}".rstrip()
        yield f"{_at(path)} {' '.join(names)}{value} -d {_quoted(option.about)}"


def _at(path: str) -> str:
    return f"complete -c landfall -n {_quoted(f'__landfall_at {path}'.rstrip())}"


def _values(kind: Kind, choices: Sequence[str]) -> str:
    if kind is Kind.CHOICE:
        return f"-a {_quoted(' '.join(choices))}"
    return {Kind.ACCOUNT: "-a '(__landfall_accounts)'", Kind.FILE: "-F"}.get(kind, "")


def _quoted(text: str) -> str:
    """For fish, a backslash and a quote are all that a quoted text has to be spared."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
