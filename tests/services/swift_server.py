"""Runs OpenStack Swift with its S3 API in one process, on the loopback interface: swift_server.py FOLDER PORT."""

import eventlet  # type: ignore[import-untyped]

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True)

import os  # noqa: E402 - what follows has to see the patched modules
import pwd  # noqa: E402 - as above
import sys  # noqa: E402 - as above
from collections.abc import Callable  # noqa: E402 - as above
from io import TextIOBase  # noqa: E402 - as above
from pathlib import Path  # noqa: E402 - as above
from typing import Any  # noqa: E402 - as above

import eventlet.wsgi  # type: ignore[import-untyped]  # noqa: E402 - as above
import swift.common.utils  # type: ignore[import-untyped]  # noqa: E402 - as above
from swift.common import storage_policy  # noqa: E402 - as above
from swift.common.ring import RingBuilder  # type: ignore[import-untyped]  # noqa: E402 - as above
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # type: ignore[import-untyped]  # noqa: E402 - as above

BACKENDS = ("account", "container", "object")
PIPELINE = ("catch_errors", "cache", "s3api", "tempauth", "copy", "container-quotas", "slo", "dlo")
OPTIONS = {
    "s3api": ("s3api", "location = us-east-1"),
    "tempauth": ("tempauth", "user_test_tester = testing .admin"),
    "container-quotas": ("container_quotas", ""),
}


class Memory:
    """Stands where Swift has memcached, which keeps its tokens."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str, **_: Any) -> Any:
        return self.kept.get(key)

    def set(self, key: str, value: Any, **_: Any) -> None:
        self.kept[key] = value

    def delete(self, key: str, **_: Any) -> None:
        self.kept.pop(key, None)


def remembering(_: dict[str, str], **__: str) -> Callable[[Any], Any]:
    """The filter that puts it into each request, as paste.deploy calls it."""
    memory = Memory()

    def wrap(app: Any) -> Any:
        def answer(environ: dict[str, Any], start: Any) -> Any:
            environ["swift.cache"] = memory
            return app(environ, start)

        return answer

    return wrap


class Nowhere(TextIOBase):
    """A log that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


def write_settings(root: Path, ports: dict[str, int]) -> Path:
    """One device, one replica, everything below the folder; returns the folder of the settings."""
    etc = root / "etc"
    for folder in (etc, root / "devices" / "d1", root / "cache"):
        folder.mkdir(parents=True)
    (etc / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_prefix = a\nswift_hash_path_suffix = b\n"
        "[storage-policy:0]\nname = default\ndefault = yes\npolicy_type = replication\n"
    )
    defaults = (
        f"[DEFAULT]\nuser = {pwd.getpwuid(os.getuid()).pw_name}\nswift_dir = {etc}\ndevices = {root / 'devices'}\n"
        f"mount_check = false\ndisable_fallocate = true\nfallocate_reserve = 0\nrecon_cache_path = {root / 'cache'}\n"
    )
    for name in BACKENDS:
        place = {"ip": "127.0.0.1", "port": ports[name], "device": "d1"}
        replication = {"replication_ip": "127.0.0.1", "replication_port": ports[name]}
        builder = RingBuilder(4, 1, 0)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "meta": "", **place, **replication})
        builder.rebalance()
        builder.get_ring().save(str(etc / f"{name}.ring.gz"))
        (etc / f"{name}-server.conf").write_text(
            f"{defaults}[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n"
        )
    filters = f"[filter:cache]\npaste.filter_factory = {__name__}:remembering\n" + "".join(
        f"[filter:{name}]\nuse = egg:swift#{entry}\n{more}\n"
        for name in PIPELINE
        for entry, more in [OPTIONS.get(name, (name, ""))]
        if name != "cache"
    )
    (etc / "proxy-server.conf").write_text(
        f"{defaults}[pipeline:main]\npipeline = {' '.join(PIPELINE)} proxy-server\n"
        f"[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n{filters}"
    )
    return etc


def serve(listener: Any, app: Any) -> Any:
    """Answer in a green thread of its own."""
    return eventlet.spawn(
        eventlet.wsgi.server,
        listener,
        app,
        Nowhere(),
        max_size=1024,
        log_output=False,
        protocol=SwiftHttpProtocol,
        capitalize_response_headers=False,
    )


def main(root: Path, port: int) -> None:
    """Say READY once the port answers; run until killed."""
    listeners = {name: eventlet.listen(("127.0.0.1", 0), backlog=256) for name in BACKENDS}
    listeners["proxy"] = eventlet.listen(("127.0.0.1", port), backlog=256)
    etc = write_settings(root, {name: listener.getsockname()[1] for name, listener in listeners.items()})
    swift.common.utils.SWIFT_CONF_FILE = str(etc / "swift.conf")
    storage_policy.reload_storage_policies()
    swift.common.utils.validate_hash_conf()
    servers = [
        serve(listener, loadapp(str(etc / f"{name}-server.conf"), global_conf={"log_name": name}))
        for name, listener in listeners.items()
    ]
    sys.stdout.write(f"READY {listeners['proxy'].getsockname()[1]}\n")
    sys.stdout.flush()
    servers[-1].wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
