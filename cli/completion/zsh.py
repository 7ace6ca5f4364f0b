"""Writes the completion script for zsh."""

import shlex
from collections.abc import Iterator, Sequence

from cli.completion.tree import Kind, Node, Option, filled

_SCRIPT = """\
#compdef landfall
# Completes landfall in zsh; made by `landfall completion zsh`.
_landfall() {
    local before=$words[CURRENT-1] so_far= each
    local -a found
    for each in ${words[2,CURRENT-1]}; do
        [[ $each == -* ]] && continue
        case $so_far in
@GROUPS@
        ('') so_far=$each ;;
        (*) break ;;
        esac
    done
    case "$so_far $before" in
@VALUES@
    esac
    if [[ $PREFIX != -* ]]; then
        case $so_far in
@ARGUMENTS@
        esac
    fi
    case $so_far in
@OPTIONS@
    esac
    _describe -o option found
}
_landfall_accounts() {
    local -a found
    found=(${(f)"$($words[1] completion --accounts 2>/dev/null)"})
    compadd -a found
}
if [[ $funcstack[1] == _landfall ]]; then _landfall "$@"; else compdef _landfall landfall; fi"""


def script(nodes: Sequence[Node]) -> str:
    """The script."""
    return filled(
        _SCRIPT, GROUPS=_groups(nodes), VALUES=_values(nodes), ARGUMENTS=_arguments(nodes), OPTIONS=_options(nodes)
    )


def _groups(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        if node.words:
            yield f'        ({shlex.quote(node.path)}) so_far="$so_far $each" ;;'


def _values(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        for option in node.options:
            if option.kind is not Kind.NOTHING:
                names = "|".join(shlex.quote(f"{node.path} {name}") for name in option.names)
                yield f"    ({names}) {_act(option.kind, option.choices)}return ;;"


def _arguments(nodes: Sequence[Node]) -> Iterator[str]:
    by_path = {node.path: node for node in nodes}
    first = _described((node.path, node.about) for node in nodes if " " not in node.path)
    yield f"        ('') found=({first}); _describe command found; return ;;"
    for node in nodes:
        if node.words:
            second = _described((word, by_path[f"{node.path} {word}"].about) for word in node.words)
            yield f"        ({shlex.quote(node.path)}) found=({second}); _describe command found; return ;;"
        elif act := _act(node.argument, node.choices):
            yield f"        ({shlex.quote(node.path)}) {act}return ;;"


def _options(nodes: Sequence[Node]) -> Iterator[str]:
    every = [Option(["--help"], "Show the help."), Option(["--version"], "Tell the release.")]
    for path, options in [("", every), *((node.path, node.options) for node in nodes)]:
        found = _described((name, option.about) for option in options for name in option.names)
        yield f"    ({shlex.quote(path)}) found=({found}) ;;"


def _described(words: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> str:
    return " ".join(shlex.quote(f"{word}:{about}") for word, about in words)


def _act(kind: Kind, choices: Sequence[str]) -> str:
    if kind is Kind.CHOICE:
        return f"compadd -- {shlex.join(choices)}; "
    return {Kind.ACCOUNT: "_landfall_accounts; ", Kind.FILE: "_files; "}.get(kind, "")
