#!/usr/bin/env python3
"""Sets a machine back to an earlier snapshot while clients go on, and looks for what got lost.

command-api runs in a virtual machine. Its state is written to a file, it goes on, dies, and comes back as it was in the
file: with the member id, the producers and the memory of then, and clients that were answered since. Afterwards another
process reads the log, and is asked for every acknowledged command again: it must know each, with the same version.

    eval "$(./dev env)"; tests/restored/restored.py --binaries target/release --goes-on 3 --away 9

Needs the servers of `./dev servers`, release binaries, and of the system qemu-system-x86, cpio, dpkg and apt, with which it
fetches a kernel and busybox. Prints what came of it as JSON; exit code 1 when something got lost or was told twice.
"""

import argparse
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

HERE = pathlib.Path(__file__).parent
CLIENTS = 24
LIBRARIES = ["lib/x86_64-linux-gnu/libgcc_s.so.1", "lib/x86_64-linux-gnu/libm.so.6",
             "lib/x86_64-linux-gnu/libc.so.6", "lib64/ld-linux-x86-64.so.2"]
# In the order in which they are loaded.
MODULES = ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "failover",
           "net_failover", "virtio_net"]
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
# Answers after which the same command is sent again, with the same key.
AGAIN = {500, 502, 503, 504}
BROKEN = (OSError, http.client.HTTPException, ValueError)


def run(*command, **options):
    return subprocess.run([str(it) for it in command], check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def environment(port, listen):
    """What a command-api is started with."""
    return {**os.environ, "COMMAND_API_LISTEN": listen, "ADVERTISED_URL": f"http://127.0.0.1:{port}",
            "DATABASE_URL": os.environ["DATABASE_URL_COMMAND_API"], "RATE_LIMIT_DISABLED": "true"}


class Machine:
    """A virtual machine with command-api, answering at a port of the host."""

    def __init__(self, place, binaries, neighbours):
        self.place, self.port, self.process = place, free_port(), None
        self.address = f"127.0.0.1:{self.port}"
        self.kernel = self.fetch(f"linux-image-{self.newest_kernel()}", "kernel")
        self.busybox = self.fetch("busybox-static", "busybox")
        self.pack(binaries, neighbours)

    @staticmethod
    def newest_kernel():
        told = run("apt-cache", "depends", "linux-image-cloud-amd64").split()
        return next(it for it in told if it.startswith("linux-image-6")).removeprefix("linux-image-")

    def fetch(self, package, name):
        place = self.place / name
        if not place.exists():
            run("apt-get", "download", package, cwd=self.place, stderr=subprocess.DEVNULL)
            run("dpkg", "-x", next(self.place.glob(f"{package}_*.deb")), place)
        return place

    def pack(self, binaries, neighbours):
        """Makes the archive that the kernel unpacks: all that there is in the machine."""
        root = self.place / "root"
        shutil.rmtree(root, ignore_errors=True)
        for directory in ["bin", "proc", "dev", "modules"]:
            (root / directory).mkdir(parents=True)
        shutil.copy(self.busybox / "bin/busybox", root / "bin")
        run("strip", "-o", root / "bin/command-api", binaries / "command-api")
        for file in [*LIBRARIES, CERTIFICATES]:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(pathlib.Path("/") / file, root / file)
        for module in MODULES:
            shutil.copy(next(self.kernel.glob(f"lib/modules/*/kernel/**/{module}.ko")), root / "modules")
        secrets = pathlib.Path(os.environ["JWT_SIGNING_KEY_FILE"]).parent
        shutil.copytree(secrets, root / secrets.relative_to("/"))
        shutil.copy(HERE / "init.sh", root / "init")
        ours = environment(self.port, "0.0.0.0:8080")
        brokers = [f"//{it}" for it in ours["KAFKA_BOOTSTRAP_SERVERS"].split(",")]
        servers = [*brokers, ours["SCHEMA_REGISTRY_URL"], ours["DATABASE_URL"]]
        ports = [urllib.parse.urlsplit(it).port for it in servers] + neighbours
        ours |= {"HOST_PORTS": " ".join(map(str, ports)), "MODULES": " ".join(MODULES)}
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in ours.items()
                 if name.isidentifier() and name not in ("PATH", "PWD")]
        (root / "environment").write_text("".join(lines))
        names = run("find", ".", cwd=root)
        with open(self.place / "initrd", "wb") as archive:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], check=True, cwd=root, input=names.encode(), stdout=archive)

    def start(self, snapshot=None):
        """Starts it, or lets it go on as it was in the snapshot."""
        incoming = ["-incoming", f"exec:cat {snapshot}"] if snapshot else []
        serial = self.place / ("restored.log" if snapshot else "started.log")
        kernel = next(self.kernel.glob("boot/vmlinuz-*"))
        network = f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:8080"
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "1024", "-nographic", "-no-reboot",
             "-kernel", kernel, "-initrd", self.place / "initrd", "-append", "console=ttyS0 quiet panic=1",
             "-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile=",
             "-monitor", f"unix:{self.place}/monitor,server,nowait", "-serial", f"file:{serial}", *incoming],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def command(self, text):
        """Tells the monitor something, and returns what it answers."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.place / "monitor"))
            for line in ["", f"{text}\n"]:
                monitor.sendall(line.encode())
                answer = b""
                while not answer.endswith(b"(qemu) "):
                    answer += monitor.recv(4096)
        return answer.decode()

    def save(self, snapshot):
        """Writes its state to a file; it stands still then."""
        # The monitor answers when it is done.
        self.command(f'migrate "exec:cat > {snapshot}"')
        state = self.command("info migrate")
        if "completed" not in state:
            sys.exit(f"the machine was not saved: {state}")

    def go_on(self):
        self.command("cont")

    def kill(self):
        """Ends it as a cut of the power does; again is nothing."""
        self.process.kill()
        self.process.wait()


class Instance:
    """A command-api of the host."""

    def __init__(self, place, binaries, name):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.binary, self.log, self.process = binaries / "command-api", place / f"{name}.log", None

    def start(self):
        log = open(self.log, "w")
        surroundings = environment(self.port, self.address)
        self.process = subprocess.Popen([self.binary], env=surroundings, stdout=log, stderr=subprocess.STDOUT)

    def stop(self):
        """Ends it; again is nothing."""
        self.process.terminate()
        self.process.wait()


def call(address, method, path, token=None, key=None, body=None):
    connection = http.client.HTTPConnection(address, timeout=8)
    headers = {"content-type": "application/json", "idempotency-key": key or str(uuid.uuid4())}
    if token:
        headers["authorization"] = f"Bearer {token}"
    with contextlib.closing(connection):
        connection.request(method, f"/api/v1{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read() or "null")


def surely(address, *what, **how):
    """The same until it is carried out, for at most two minutes."""
    until, last = time.monotonic() + 120, None
    while time.monotonic() < until:
        try:
            status, headers, body = last = call(address, *what, **how)
            if status < 300:
                return headers, body["data"]
            if status not in AGAIN:
                break
        except BROKEN as error:
            last = error
        time.sleep(0.2)
    sys.exit(f"{what[:2]} at {address}: {last}")


class Load:
    """Clients that edit a question each, one edit after the other, until each is acknowledged."""

    def __init__(self, addresses):
        self.addresses, self.phase, self.stopped = addresses, "before", threading.Event()
        self.acknowledged, self.wrong, self.seen = [], [], collections.Counter()
        person = {"name": "Vera", "email": f"vera.{uuid.uuid4().hex}@example.org", "password": "correct horse battery"}
        _, vera = surely(addresses[0], "POST", "/auth/register", body=person)
        _, founded = surely(addresses[0], "POST", "/communities", vera["token"], body={"name": f"Restored {uuid.uuid4()}"})
        self.token, community = founded["token"], founded["community"]["id"]
        question = {"communityId": community, "title": "Two strong arms", "description": "A sofa, to the third floor",
                    "requestType": "generic", "urgency": "medium"}
        asked = [surely(addresses[0], "POST", "/requests", self.token, body=question)[1]["id"] for _ in range(CLIENTS)]
        self.threads = [threading.Thread(target=self.edit, args=(it,)) for it in asked]
        for thread in self.threads:
            thread.start()

    def edit(self, question):
        number = 0
        while not self.stopped.is_set():
            number += 1
            sent = (f"/requests/{question}", str(uuid.uuid4()), {"title": f"Two strong arms, {number}"})
            while not self.stopped.is_set() and not self.is_acknowledged(*sent):
                # Whoever is refused asks again after a moment, as clients do.
                self.stopped.wait(0.05)

    def is_acknowledged(self, path, key, body):
        try:
            status, headers, answer = call(random.choice(self.addresses), "PUT", path, self.token, key, body)
            outcome = "acknowledged" if status == 200 else answer["error"]["code"]
        except BROKEN as error:
            status, outcome = None, type(error).__name__
        self.seen[f"{self.phase}: {outcome}"] += 1
        if status == 200:
            self.acknowledged.append((path, key, body, headers["etag"]))
        elif status is not None and status not in AGAIN:
            self.wrong.append(answer)
            self.stopped.set()
        return status == 200

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def lost(self, address):
        """What was acknowledged, and is not known to an instance that has read the log, or in another version."""
        def is_known(path, key, body, version):
            headers, _ = surely(address, "PUT", path, self.token, key, body)
            return headers.get("idempotent-replay") == "true" and headers["etag"] == version
        return [it for it in self.acknowledged if not is_known(*it)]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--binaries", type=pathlib.Path, default="target/release", help="where command-api and karmyq are")
    options.add_argument("--goes-on", type=float, default=3, help="seconds from the snapshot until the machine dies")
    options.add_argument("--away", type=float, default=9, help="seconds until it comes back; its session lasts 6")
    options.add_argument("--back", type=float, default=12, help="seconds that clients go on then")
    options.add_argument("--successor", action="store_true", help="another instance shares the partitions")
    options.add_argument("--place", type=pathlib.Path, default="target/restored", help="for its files")
    asked = options.parse_args()
    binaries, place = asked.binaries.resolve(), asked.place.resolve()
    place.mkdir(parents=True, exist_ok=True)
    for step in [("migrate",), ("topics", "create"), ("schemas", "push")]:
        run(binaries / "karmyq", *step)
    judge = Instance(place, binaries, "judge")
    others = [Instance(place, binaries, "successor")] if asked.successor else []
    machine = Machine(place, binaries, [it.port for it in others])
    with contextlib.ExitStack() as ends:
        for it in others:
            it.start()
            ends.callback(it.stop)
        machine.start()
        ends.callback(machine.kill)
        load = Load([machine.address, *(it.address for it in others)])
        ends.callback(load.stop)
        snapshot = place / "snapshot"
        time.sleep(4)
        machine.save(snapshot)
        load.phase = "after the snapshot"
        machine.go_on()
        time.sleep(asked.goes_on)
        machine.kill()
        load.phase = "away"
        time.sleep(asked.away)
        load.phase = "restored"
        machine.start(snapshot)
        time.sleep(asked.back)
        load.stop()
        machine.kill()
        for it in others:
            it.stop()
        judge.start()
        ends.callback(judge.stop)
        lost = load.lost(judge.address)
    versions = collections.Counter((path, version) for path, _, _, version in load.acknowledged)
    twice = sum(count - 1 for count in versions.values())
    print(json.dumps({"acknowledged": len(load.acknowledged), "lost": lost, "versions_told_twice": twice,
                      "unexpected": load.wrong, "answers": dict(sorted(load.seen.items()))}, indent=2))
    sys.exit(1 if lost or twice or load.wrong else 0)


if __name__ == "__main__":
    main()
