"""The brokers of chaos runs: those of this machine, a queue each, and servers of our own where one must die."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import kombu

from tests.ports import free_port

# A number of Redis' that nothing else on this machine uses, because it is emptied in the middle of a run.
REDIS_NUMBER = 14
# Far shorter than a task may take: what is delivered twice must not matter.
VISIBILITY_SECONDS = 2
_START_SECONDS = 60.0


class Broker:
    """A broker's address and a queue of this run's own; `is_there` is whether anybody answers."""

    is_there = True

    def __init__(self, url: str) -> None:
        self.url, self.queue = url, f"chaos-{secrets.token_hex(6)}"

    @property
    def name(self) -> str:
        return "Redis" if self.url.startswith("redis") else "RabbitMQ"

    def answers(self) -> bool:
        """Whether it is well again after the last trouble."""
        return True

    def trouble(self) -> None:
        """Make it lose all that it has."""
        raise NotImplementedError(f"{self.name} belongs to others")

    def deliver_again(self) -> None:
        """Put back what is not acknowledged in time, as each idle worker does every ten seconds."""
        raise NotImplementedError(f"{self.name} does not do that")

    def forget(self) -> None:
        """Remove the queue."""
        with suppress(Exception), kombu.Connection(self.url, connect_timeout=2) as connection:
            connection.default_channel.queue_delete(self.queue)


class Redis(Broker):
    """The machine's Redis, under a number of our own."""

    def __init__(self, url: str) -> None:
        super().__init__(urlunsplit(urlsplit(url)._replace(path=f"/{REDIS_NUMBER}")))

    def trouble(self) -> None:
        import redis

        with redis.Redis.from_url(self.url) as client:
            client.flushdb()

    def deliver_again(self) -> None:
        with kombu.Connection(self.url, transport_options={"visibility_timeout": VISIBILITY_SECONDS}) as connection:
            connection.default_channel.qos.restore_visible(num=100)

    def forget(self) -> None:
        import redis

        with suppress(Exception), redis.Redis.from_url(self.url) as client:
            client.delete(self.queue, *client.scan_iter(f"_kombu.binding*{self.queue}"))


class Nobody(Broker):
    """A broker that does not answer."""

    is_there = False

    def __init__(self) -> None:
        super().__init__(f"amqp://guest:guest@127.0.0.1:{free_port()}//")

    def forget(self) -> None:
        pass


class OwnRabbitMQ(Broker):
    """A RabbitMQ of this run's own, so that it can be killed without asking anybody."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        super().__init__(f"amqp://guest:guest@127.0.0.1:{self._port}//")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, without waiting."""
        self._process = subprocess.Popen(
            [_rabbitmq() or "rabbitmq-server"], env={**os.environ, **self._settings()}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def wait(self) -> None:
        """Until it answers; TimeoutError."""
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            if self.answers():
                return
            time.sleep(0.3)
        raise TimeoutError("RabbitMQ of our own did not start")

    def answers(self) -> bool:
        with suppress(Exception), kombu.Connection(self.url, connect_timeout=1) as connection:
            connection.connect()
            return True
        return False

    def trouble(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        """kill -9, with all that it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        self.stop()

    def _settings(self) -> dict[str, str]:
        node = f"chaos{self._port}@localhost"
        (self._folder / "enabled_plugins").write_text("[].")
        (self._folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self._port}\n")
        return {
            "HOME": str(self._folder), "RABBITMQ_NODENAME": node,
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq"),
            "RABBITMQ_NODE_PORT": str(self._port), "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"), "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none"), "ERL_EPMD_ADDRESS": "127.0.0.1",
        }  # fmt: skip


@contextmanager
def own_rabbitmq(folder: Path) -> Iterator[OwnRabbitMQ]:
    """A RabbitMQ that answers, until the end of the block."""
    broker = OwnRabbitMQ(folder)
    broker.start()
    try:
        broker.wait()
        yield broker
    finally:
        broker.stop()


def has_rabbitmq() -> bool:
    """Whether the server's program is on this machine."""
    return _rabbitmq() is not None


@contextmanager
def broker_of(kind: str, folder: Path) -> Iterator[Broker]:
    """A queue of this run's own: on the machine's broker at that address, on "rabbitmq" of our own, or on "none"."""
    if kind == "rabbitmq":
        with own_rabbitmq(folder) as own:
            yield own
        return
    broker = Nobody() if kind == "none" else Redis(kind) if kind.startswith("redis") else Broker(kind)
    try:
        yield broker
    finally:
        broker.forget()


def _rabbitmq() -> str | None:
    # The one in the PATH changes to the user of the system's own server.
    inner = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return str(inner[-1]) if inner else shutil.which("rabbitmq-server")
