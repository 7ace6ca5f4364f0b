"""Runs what a page of the documentation shows, as its reader would: in a fresh folder, in the page's order.

A page finds the vendors' stand-in in place of the vendors, and beside it a running `landfall up` with the accounts
shop-ab and shop-bwp; one that starts it itself finds only the settings, one that runs `landfall init` not even those.
What is put in place of what the page says:

- The ports 8700 (Landfall), 8600 (sandbox) and 8900 (a receiver of the reader's) become free ones.
- `ID` becomes the id of what the line is about (tests/docs/an_id.py), which is made where there is none.
- `NAME=…` keeps the value that the environment has.
- Python finds the address in its environment and the key too, but on a page that runs `landfall init`: that has to name its key in LANDFALL_API_KEY_FILE.
- `landfall init` alone, which asks, becomes its --help (tests/cli holds a conversation with it).
- `landfall init` gets the sandbox's --base-url, `landfall sandbox` its port.
- What does not end by itself (`landfall up`, `api`, `worker`, `sandbox`, `watch` without an id, `curl -N`) runs on beside the rest until the page ends.
- Webhooks that a page shows as settings are there from the start.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.docs.pages import ROOT, Block
from tests.docs.sessions import Python, Shell
from tests.free_port import free_port
from tests.stack import until
from tests.vendors.sandbox_process import Sandbox, run_sandbox

CREDENTIALS = {
    "INTELLIGEMS_ACCESS_TOKEN": "sandbox-ab",
    "BWP_CLIENT_ID": "sandbox-bwp",
    "BWP_CLIENT_SECRET": "sandbox-bwp-secret",
}
_WEBHOOK_SECRET = "whsec_" + "TGFuZGZhbGwncyBkb2N1bWVudGF0aW9u"
_ACCOUNTS = """
[accounts.shop-ab]
vendor = "intelligems"
access_token = {{ env = "INTELLIGEMS_ACCESS_TOKEN" }}
base_url = "{intelligems}"
rate_burst = 1000

[accounts.shop-bwp]
vendor = "buy_with_prime"
client_id = {{ env = "BWP_CLIENT_ID" }}
client_secret = {{ env = "BWP_CLIENT_SECRET" }}
target_id = "any"
base_url = "{buy_with_prime}"

[accounts.shop-waiting]
vendor = "buy_with_prime"
client_id = {{ env = "BWP_CLIENT_ID" }}
client_secret = {{ env = "BWP_CLIENT_SECRET" }}
target_id = "any"
base_url = "{buy_with_prime}"
"""
_STAYS = re.compile(
    r"^(?P<line>(?:\w+=\S+ )*landfall (?:--debug )?(?P<name>up|api|worker|sandbox|watch)\b(?P<words>[^\n&|;#]*))(?P<rest>.*)$",
    re.MULTILINE,
)
_ID = re.compile(r"(?<![\w.$/{-])ID(?![\w:-])|(?<=/)ID(?![\w:-])")


@dataclass
class House:
    """A page's folder, and what runs in it."""

    folder: Path
    ports: Mapping[str, int]
    env: dict[str, str]
    sandbox: Sandbox | None
    stack: ExitStack = field(repr=False)
    names_its_key: bool = False
    shell: Shell = field(init=False)
    python: Python | None = None

    def __post_init__(self) -> None:
        self.shell = self.stack.enter_context(Shell(self.folder, self.env))
        self.shell.run(_FUNCTIONS.format(port=self.ports["8700"], sandbox=self.ports["8600"]))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['8700']}"

    def run(self, block: Block) -> None:
        """Run the block; the test fails, with all that it wrote, where it does."""
        if block.file:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._with_ports(block.text), encoding="utf-8")
        elif block.language == "sh":
            self.shell.run(self._shell_text(block.text), str(block))
        elif block.language == "python":
            self._run_python(block)

    def _run_python(self, block: Block) -> None:
        text = self._with_ports(block.text)
        if _ID.search(text):
            text = _ID.sub(self.shell.read("an_id show"), text)
        if "serve_forever(" in text:
            self._serve(text)
            return
        if self.python is None:
            self.python = self.stack.enter_context(
                Python(self.folder, self.env | self._key() | {"LANDFALL_URL": self.url})
            )
        self.python.run(text, str(block))

    def _key(self) -> dict[str, str]:
        if self.names_its_key:
            return {"LANDFALL_API_KEY_FILE": self.shell.read('printf %s "${LANDFALL_API_KEY_FILE:-}"')}
        key = self.folder / ".landfall" / "api-key"
        return {"LANDFALL_API_KEY": key.read_text().strip()} if key.exists() else {}

    def _serve(self, text: str) -> None:
        program = self.folder / "receiver.py"
        program.write_text(text, encoding="utf-8")
        process = subprocess.Popen([sys.executable, program.name], cwd=self.folder, env=self.env)
        self.stack.callback(process.wait, 30)
        self.stack.callback(process.terminate)
        until(lambda: _listens(process.pid), "the page's server listens")

    def _with_ports(self, text: str) -> str:
        return re.sub(r"\b(8[679]00)\b", lambda found: str(self.ports[found[1]]), text)

    def _shell_text(self, text: str) -> str:
        text = re.sub(r"\b(\w+)=…", r'\1="$\1"', text)
        text = self._with_ports(text.replace("\\\n", " "))
        return "\n".join(self._line(line) for line in text.splitlines()) + "\n"

    def _line(self, line: str) -> str:
        line = _ID.sub(f'"$(an_id {_about(line)})"', line)
        if line.split("#")[0].strip() == "landfall init":
            return "landfall init --help"
        if self.sandbox and re.match(r"\s*landfall init\b", line) and "--base-url" not in line:
            vendor = re.search(r"--vendor (\w+)", line)
            line += f" --base-url {getattr(self.sandbox, vendor[1])}" if vendor else ""
        if re.match(r"curl .*(-N|--no-buffer)\b", line):
            return f"{line.partition(' #')[0]} >stream.log 2>&1 &"
        if staying := _STAYS.match(line):
            return self._staying(staying)
        return line

    def _staying(self, found: re.Match[str]) -> str:
        name, words = found["name"], found["words"]
        if name == "watch" and any(not word.startswith("-") for word in shlex.split(words)):
            return found[0]
        ports = f" --port {self.ports['8600']}" if name == "sandbox" and "--port" not in words else ""
        again = "stop_up; " if name == "up" else ""
        then = {"up": " up_ready $!", "api": " up_ready $!", "sandbox": " sandbox_ready"}.get(name, "")
        return f"{again}{found['line'].rstrip()}{ports} >{name}.log 2>&1 &{then}"


_FUNCTIONS = """
an_id() {{ "$DOCS_PYTHON" "$DOCS_AN_ID" http://127.0.0.1:{port} "$@"; }}
up_ready() {{
    up_pid=$1
    for _ in $(seq 600); do
        curl -sf http://127.0.0.1:{port}/readyz >/dev/null && [ -s .landfall/api-key ] && return
        kill -0 "$1" || break
        sleep 0.2
    done
    cat up.log api.log 2>/dev/null
    return 1
}}
stop_up() {{ if [ -n "$up_pid" ]; then kill "$up_pid"; wait "$up_pid" || true; up_pid=; fi; }}
sandbox_ready() {{
    for _ in $(seq 300); do curl -sf http://127.0.0.1:{sandbox}/_sandbox/stats >/dev/null && return; sleep 0.2; done
    return 1
}}
"""


@contextmanager
def run_house(folder: Path, blocks: list[Block], kept: Mapping[str, str] | None = None) -> Iterator[House]:
    """What the blocks of a page find; `kept` is added to the environment."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = "\n".join(block.text for block in blocks if block.language == "sh" and not block.not_run)
    begins = re.search(r"^landfall (up|init|demo)\b|^make demo\b", shown, re.MULTILINE)
    with ExitStack() as stack:
        ports = {name: free_port() for name in ("8700", "8600", "8900")}
        sandbox = None
        if not re.search(r"^landfall sandbox\b", shown, re.MULTILINE):
            sandbox = stack.enter_context(
                run_sandbox("--build-mean", "0.1", "--bytes", "20000", "--rate-burst", "1000")
            )
            ports["8600"] = int(sandbox.control.rpartition(":")[2].partition("/")[0])
        env = _environment(folder, ports, kept or {}) | _secrets_of(blocks)
        if "landfall init" not in shown and sandbox:
            (folder / "landfall.toml").write_text(_settings(sandbox, blocks, ports), encoding="utf-8")
        house = House(folder, ports, env, sandbox, stack, names_its_key="landfall init" in shown)
        if not begins:
            house.shell.run(house._line("landfall up"))
        yield house


def _environment(folder: Path, ports: Mapping[str, int], kept: Mapping[str, str]) -> dict[str, str]:
    programs = Path(sys.executable).parent
    return {
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        **CREDENTIALS,
        "LANDFALL_API_PORT": str(ports["8700"]),
        "WEBHOOK_SECRET": _WEBHOOK_SECRET,
        "DOCS_PYTHON": sys.executable,
        "DOCS_AN_ID": str(ROOT / "tests" / "docs" / "an_id.py"),
        **kept,
    }


def _settings(sandbox: Sandbox, blocks: list[Block], ports: Mapping[str, int]) -> str:
    accounts = _ACCOUNTS.format(intelligems=sandbox.intelligems, buy_with_prime=sandbox.buy_with_prime)
    shown = [block.text for block in blocks if block.language == "toml" and not block.not_run]
    hooks = {name: table for text in shown for name, table in tomllib.loads(text).get("webhooks", {}).items()}
    quick = "retry_base_seconds = 0.1\npoll_floor_seconds = 0.1\n"
    callback = 'callback_secret = { env = "WEBHOOK_SECRET" }\ncallback_allow_private_hosts = true\n'
    return quick + callback + accounts + "".join(_hook(name, table, ports) for name, table in hooks.items())


def _hook(name: str, table: Mapping[str, Any], ports: Mapping[str, int]) -> str:
    url = str(table["url"]).replace("8900", str(ports["8900"]))
    private = "true" if "127.0.0.1" in url else "false"
    return (
        f'\n[webhooks.{name}]\nurl = "{url}"\nsecret = {{ env = "WEBHOOK_SECRET" }}\nallow_private_hosts = {private}\n'
    )


def _secrets_of(blocks: list[Block]) -> dict[str, str]:
    """Every variable that settings on the page name, and that is no account's."""
    named = {name for block in blocks if block.language == "toml" for name in re.findall(r'env = "(\w+)"', block.text)}
    return dict.fromkeys(named - CREDENTIALS.keys(), _WEBHOOK_SECRET)


def _about(line: str) -> str:
    """What the ID on a line is the id of."""
    for pattern, thing in (
        (r"\bbatches\b", "batch"),
        (r"\bkeys\b", "key"),
        (r"\b(resend|deliveries)\b", "delivery"),
        (r"\bretry\b", "failed"),
        (r"\b(cancel|priority)\b|PATCH", "queued"),
    ):
        if re.search(pattern, line):
            return thing
    return "show"


def _listens(pid: int) -> bool:
    return any(each.status == psutil.CONN_LISTEN for each in psutil.Process(pid).net_connections("tcp"))
