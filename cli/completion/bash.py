"""Writes the completion script for bash."""

import shlex
from collections.abc import Iterator, Sequence

from cli.completion.tree import Kind, Node, filled

_SCRIPT = """\
# Completes landfall in bash; made by `landfall completion bash`.
_landfall() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= wanted= each found=()
    [[ $word == = ]] && word=
    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}
    COMPREPLY=()
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $each == -* ]] && continue
        case $path in
@GROUPS@
        '') path=$each ;;
        *) break ;;
        esac
    done
    case "$path $before" in
@VALUES@
    *)
        if [[ $word == -* ]]; then
            wanted=options
        else
            case $path in
@ARGUMENTS@
            *) wanted=options ;;
            esac
        fi ;;
    esac
    if [[ $wanted == options ]]; then
        case $path in
@OPTIONS@
        *) wanted='' ;;
        esac
    fi
    case $wanted in
    accounts) wanted=$("${COMP_WORDS[0]}" completion --accounts 2>/dev/null) ;;
    files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    esac
    # Not compgen -W, which would run what a name holds.
    read -r -d '' -a found <<<"$wanted"
    for each in "${found[@]}"; do
        [[ $each == "$word"* ]] && COMPREPLY+=("$(printf %q "$each")")
    done
}
complete -F _landfall landfall"""


def script(nodes: Sequence[Node]) -> str:
    """The script."""
    return filled(
        _SCRIPT, GROUPS=_groups(nodes), VALUES=_values(nodes), ARGUMENTS=_arguments(nodes), OPTIONS=_options(nodes)
    )


def _groups(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        if node.words:
            yield f'        {shlex.quote(node.path)}) path="$path $each" ;;'


def _values(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        for option in node.options:
            if option.kind is not Kind.NOTHING:
                names = "|".join(shlex.quote(f"{node.path} {name}") for name in option.names)
                yield f"    {names}) wanted={shlex.quote(_wanted(option.kind, option.choices))} ;;"


def _arguments(nodes: Sequence[Node]) -> Iterator[str]:
    commands = " ".join(node.path for node in nodes if " " not in node.path)
    yield f"            '') wanted={shlex.quote(commands)} ;;"
    for node in nodes:
        wanted = " ".join(node.words) or _wanted(node.argument, node.choices)
        if wanted:
            yield f"            {shlex.quote(node.path)}) wanted={shlex.quote(wanted)} ;;"


def _options(nodes: Sequence[Node]) -> Iterator[str]:
    yield "        '') wanted='--help --version --debug' ;;"
    for node in nodes:
        names = " ".join(name for option in node.options for name in option.names if name.startswith("--"))
        yield f"        {shlex.quote(node.path)}) wanted={shlex.quote(names)} ;;"


def _wanted(kind: Kind, choices: Sequence[str]) -> str:
    return {Kind.CHOICE: " ".join(choices), Kind.ACCOUNT: "accounts", Kind.FILE: "files"}.get(kind, "")
