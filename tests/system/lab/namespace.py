"""One network namespace: a host of the site. Commands run inside it by `ip netns exec`, with its own /sys and, where the site
gives one, its own /etc/hosts."""
import pathlib
import subprocess

OWN_ETC = pathlib.Path("/etc/netns")  # what `ip netns exec NAME` puts over /etc


class CommandFailed(RuntimeError):
    pass


def run(argv, check=True, timeout=30, stdin=None):
    """Runs a command to its end; an unexpected exit code becomes an error that shows what the command printed."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=timeout, input=stdin,
                          check=False)
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(map(str, argv))}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Namespace:
    def __init__(self, name):
        self.name = name

    def create(self):
        run(["ip", "netns", "add", self.name])
        # No duplicate address detection: an address is usable at once, and nobody else is on these wires.
        self.sysctl({"net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0,
                     "net.ipv6.conf.default.accept_ra": 0, "net.ipv4.conf.all.rp_filter": 0,
                     "net.ipv4.conf.default.rp_filter": 0, "net.ipv4.ip_unprivileged_port_start": 0})
        self.ip("link set lo up")
        return self

    def name_hosts(self, addresses):
        """Programs in it find these hosts by name: {host: address}."""
        (OWN_ETC / self.name).mkdir(parents=True, exist_ok=True)
        rows = [f"{address} {host}" for host, address in {"localhost": "127.0.0.1", **addresses}.items()]
        (OWN_ETC / self.name / "hosts").write_text("\n".join(rows) + "\n")

    def command(self, *argv):
        return ["ip", "netns", "exec", self.name, *map(str, argv)]

    def run(self, *argv, **options):
        return run(self.command(*argv), **options)

    def ip(self, *lines):
        """`ip` commands in one batch, each written as on the command line."""
        run(["ip", "-n", self.name, "-batch", "-"], stdin="\n".join(lines) + "\n")

    def sysctl(self, settings):
        self.run("sysctl", "-q", "-w", *(f"{key}={value}" for key, value in settings.items()))

    def rx_packets(self, interface):
        return int(self.run("cat", f"/sys/class/net/{interface}/statistics/rx_packets").stdout)
