"""What a host is given: the installed tree, units that systemd accepts and under whose restrictions the daemons work, and a
host set-up that says what it changes and takes it back."""
import os
import pathlib
import re
import shutil
import tempfile

import pytest

from lab.cardea import TREE, Cardea
from lab.machine import installed_files
from lab.namespace import run
from lab.nginx import Nginx
from lab.site import Site
from lab.standard import WEB, document
from lab.web import Web

HOST_SETUP = TREE / "deploy/host-setup"
UNITS = ["cardea-dataplane.service", "cardea-l7.service", "cardea-mgmt.service", "cardea-waf.service"]
SYSCTLS = ["vm.nr_hugepages", "net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog", *(f"net.{family}.neigh.default.gc_thresh{n}" for family in ("ipv4", "ipv6") for n in (1, 2, 3))]


PLAYED = """
rule_files: [cardea-alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'cardea_l7_certificate_not_after_seconds{instance="a",service="shop",certificate="x.crt"}'
        values: '864000x30'
      - series: 'cardea_process_up{instance="a",process="l7"}'
        values: '1x4 0x25'
      - series: 'cardea_backend_state{instance="a",pool="web",backend="b1",state="up"}'
        values: '1x4 0x25'
      - series: 'cardea_backend_state{instance="a",pool="web",backend="b1",state="maint"}'
        values: '0x4 1x25'
      - series: 'cardea_process_in_sync{instance="a",process="dataplane"}'
        values: '1x4 0x25'
      - series: 'cardea_l7_service_responses_total{instance="a",service="shop",code_class="5xx"}'
        values: '0+10x30'
      - series: 'cardea_l7_service_requests_total{instance="a",service="shop"}'
        values: '0+100x30'
      - series: 'cardea_l7_log_dropped_total{instance="a"}'
        values: '0x30'
    alert_rule_test:
      - { eval_time: 3m, alertname: CardeaL7Down, exp_alerts: [] }
      - eval_time: 10m
        alertname: CardeaL7Down
        exp_alerts: [ { exp_labels: { severity: page, instance: a, process: l7 }, exp_annotations: {
          summary: "a serves no http and tcp services: cardea-l7 is away",
          description: "Its l4 services go on. See: journalctl -u cardea-l7" } } ]
      - eval_time: 15m
        alertname: CardeaServerErrors
        exp_alerts: [ { exp_labels: { severity: page, instance: a, service: shop }, exp_annotations: {
          summary: "more than a twentieth of the answers of service shop are 5xx",
          description: "The access log's reason and backend tell whose they are. See: cardea show backends" } } ]
      - { eval_time: 15m, alertname: CardeaLogDropped, exp_alerts: [] }
      - { eval_time: 15m, alertname: CardeaBackendDown, exp_alerts: [] }
      - eval_time: 15m
        alertname: CardeaPoolDown
        exp_alerts: [ { exp_labels: { severity: page, instance: a, pool: web }, exp_annotations: {
          summary: "no backend of pool web is up",
          description: "New connections of its services are dropped. See: cardea show backends" } } ]
      - { eval_time: 3m, alertname: CardeaOutOfSync, exp_alerts: [] }
      - eval_time: 15m
        alertname: CardeaOutOfSync
        exp_alerts: [ { exp_labels: { severity: ticket, instance: a, process: dataplane }, exp_annotations: {
          summary: "dataplane on a does not run the newest plan",
          description: "It goes on with the last one that it took, whatever was reloaded since. See: cardea status" } } ]
"""


@pytest.fixture(scope="module")
def installed():
    """The tree that `cmake --install` makes, readable by everyone, with its prefix."""
    build = pathlib.Path(os.environ.get("CARDEA_BIN_DIR", TREE / "build/release"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cardea-installed-"))
    folder.chmod(0o755)
    try:
        yield folder / installed_files(build, folder).relative_to("/")
    finally:
        shutil.rmtree(folder)


def unit(installed, name):
    return installed / "lib/systemd/system" / name


def etc(installed):
    """Beside the prefix, whatever that is."""
    return next(parent for parent in installed.parents if (parent / "etc").is_dir()) / "etc"


def setting(unit_file, key):
    return re.search(rf"^{key}=(.*)$", unit_file.read_text(), re.M)[1].split()


def test_everything_is_installed(installed):
    for path in ("sbin/cardea-dataplane", "sbin/cardea-l7", "sbin/cardea-mgmt", "sbin/cardea-waf", "bin/cardea", "sbin/cardea-host-setup"):
        assert os.access(installed / path, os.X_OK), path
    assert (etc(installed) / "logrotate.d/cardea").is_file()
    for path in ("lib/sysusers.d/cardea.conf", "lib/tmpfiles.d/cardea.conf", "share/cardea/prometheus/cardea-alerts.yml",
                 "share/cardea/grafana/cardea-dashboard.json", "share/doc/cardea/MANUAL.md", "share/bash-completion/completions/cardea"):
        assert (installed / path).is_file(), path
    assert list((installed / "share/doc/cardea/examples").glob("*.cfg"))


def test_completion_knows_the_commands(installed):
    script = f"""source {installed}/share/bash-completion/completions/cardea
        COMP_WORDS=(cardea show ba) COMP_CWORD=2 && _cardea; echo "${{COMPREPLY[@]}}" """
    assert run(["bash", "-c", script]).stdout.strip() == "backends"


@pytest.mark.parametrize("daemon", ["cardea-dataplane", "cardea-l7", "cardea-mgmt", "cardea-waf"])
def test_a_daemon_started_wrongly_says_so(installed, daemon):
    """Units do not start it again: its exit code is the one they name."""
    done = run([installed / "sbin" / daemon, "--sate-dir", "/tmp"], check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{daemon}: ") and "--sate-dir" in done.stderr and "--help" in done.stderr
    assert setting(unit(installed, f"{daemon}.service"), "RestartPreventExitStatus") == ["2"]
    assert re.fullmatch(rf"{daemon} \d+\.\d+\.\d+\n", run([installed / "sbin" / daemon, "--version"]).stdout)


def test_systemd_accepts_the_units(installed, tmp_path):
    for name in UNITS:
        text = re.sub(r"^(Exec\w+=)(\S+/)(s?bin/)", rf"\g<1>{installed}/\g<3>", unit(installed, name).read_text(), flags=re.M)
        (tmp_path / name).write_text(text)
    done = run(["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in UNITS)], check=False)
    ours = [row for row in (done.stdout + done.stderr).splitlines() if "cardea" in row]
    assert (done.returncode, ours) == (0, [])


def test_the_alerts_are_valid(installed):
    run(["promtool", "check", "rules", installed / "share/cardea/prometheus/cardea-alerts.yml"])


def test_an_alert_comes_when_it_should(installed, tmp_path):
    """Prometheus' own rule tester plays series to the rules."""
    shutil.copy(installed / "share/cardea/prometheus/cardea-alerts.yml", tmp_path)
    (tmp_path / "played.yml").write_text(PLAYED)
    done = run(["promtool", "test", "rules", tmp_path / "played.yml"], check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_access_log_is_rotated(installed, tmp_path):
    """logrotate reads what is installed, and the owner it names is the one that sysusers makes."""
    rules = (etc(installed) / "logrotate.d/cardea").read_text()
    assert "u cardea-l7 " in (installed / "lib/sysusers.d/cardea.conf").read_text() and "create 0640 cardea-l7 cardea-operators" in rules
    log = tmp_path / "logs/access.log"
    log.parent.mkdir(mode=0o755)
    log.write_text("{}\n")
    owned = rules.replace("/var/log/cardea", str(log.parent)).replace("cardea-l7 cardea-operators", "root root").replace("systemctl", "true")
    (tmp_path / "rules").write_text(owned)
    run(["logrotate", "--force", "--state", tmp_path / "state", tmp_path / "rules"])
    assert log.read_text() == "" and log.with_suffix(".log.1").read_text() == "{}\n"


# Stand-ins for the users that sysusers makes; all share the group.
USERS = {"cardea-mgmt": "nobody", "cardea-l7": "daemon"}


class Restricted(Cardea):
    """The daemons as the units start them: the dataplane and L7 with their few capabilities, mgmt as a user without any."""

    def __init__(self, site, configuration, installed):
        self.installed = installed
        for folder in (site.run.sockets, site.run.state, site.run.logs):
            shutil.chown(folder, group="nogroup")
            folder.chmod(0o2770)
        for key in site.run.path.glob("tls/*.key"):
            shutil.chown(key, user=USERS["cardea-l7"])
            key.chmod(0o400)
        super().__init__(site, configuration)
        self.file.chmod(0o644)

    def _daemon(self, name, *arguments):
        capabilities = setting(unit(self.installed, f"{name}.service"), "CapabilityBoundingSet")
        bounds = ",".join(["-all", *("+" + c.removeprefix("CAP_").lower() for c in capabilities)])
        user = ["--reuid", USERS[name]] if name in USERS else []
        if "AmbientCapabilities" in unit(self.installed, f"{name}.service").read_text():
            kept = ",".join("+" + c.removeprefix("CAP_").lower() for c in capabilities)
            user += [f"--inh-caps={kept}", f"--ambient-caps={kept}"]
        process = super()._daemon(name, *arguments)
        program = process.argv.index(next(word for word in process.argv if word.endswith("/" + name)))
        process.argv[program:program + 1] = ["setpriv", *user, "--regid", "nogroup", "--clear-groups", "--no-new-privs",
                                             f"--bounding-set={bounds}", "--", str(self.installed / "sbin" / name)]
        return process


def test_the_daemons_work_under_the_units_restrictions(installed, device):
    with Site(backends=2) as site:
        for backend in site.backends:
            Nginx(site, backend).start()
        cardea = Restricted(site, document(site, device=device), installed)
        cardea.start()
        cardea.until_backends("up")
        assert site.client.run("curl", "-sS", "--max-time", "5", f"http://{WEB[4]}/").stdout in {"b1\n", "b2\n"}
        cardea.kill_dataplane()
        cardea.dataplane.start()
        cardea.until_ready()  # it could read the plan that mgmt stored
        assert site.client.run("curl", "-sS", "--max-time", "5", f"http://{WEB[4]}/").stdout in {"b1\n", "b2\n"}


def test_l7_works_under_the_units_restrictions(installed):
    web = Web(shards=(0,), make_cardea=lambda site, configuration: Restricted(site, configuration, installed))
    with web:
        assert web.get("https://shop.example/api/x")[0] == 200
        status = pathlib.Path(f"/proc/{web.cardea.l7.pid}/status").read_text()
        fields = dict(row.split(":\t", 1) for row in status.splitlines() if ":\t" in row)
        assert int(fields["CapBnd"], 16) == int(fields["CapEff"], 16) == 1 << 10, "more than binding low ports is left"
        assert fields["Uid"].split()[0] != "0"
        web.cardea.kill_l7()
        web.cardea.l7.start()
        web.cardea.until_ready()  # it could read the plan that mgmt stored, and the keys that mgmt cannot
        assert web.get("https://shop.example/api/x")[0] == 200
        assert web.logged(path="/api/x")


def sysctls():
    return {key: run(["sysctl", "-n", key]).stdout.strip() for key in SYSCTLS}


def host_setup(folder, *arguments, **options):
    """On this host, but its files go to `folder`: the kernel settings are what is looked at."""
    return with_files_in(folder, HOST_SETUP, *arguments, **options)


def with_files_in(folder, *argv, **options):
    places = ("etc/sysctl.d", "etc/cardea", "var/lib", "var/log", "run")
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
    binds = "".join(f"mkdir -p /{place}; mount --bind {folder / place} /{place}; " for place in places)
    return run(["unshare", "--mount", "sh", "-c", f'{binds} exec "$@"', "sh", *argv], **options)


def test_a_dry_run_changes_nothing(tmp_path):
    before = sysctls()
    done = run([HOST_SETUP, "--dry-run", "--hugepages", 8192])
    assert "would set vm.nr_hugepages" in done.stdout
    assert sysctls() == before and list(tmp_path.iterdir()) == []


def test_set_up_is_recorded_and_undone(tmp_path):
    before = sysctls()
    wanted = int(before["vm.nr_hugepages"]) + 8  # pages of 2 MB
    try:
        done = host_setup(tmp_path, "--hugepages", 2 * wanted)
        assert f"set vm.nr_hugepages from {before['vm.nr_hugepages']} to {wanted}" in done.stdout
        after = sysctls()
        assert int(after["vm.nr_hugepages"]) == wanted and int(after["net.ipv6.neigh.default.gc_thresh3"]) >= 16384
        assert f"vm.nr_hugepages = {wanted}" in (tmp_path / "etc/sysctl.d/60-cardea.conf").read_text()
        again = host_setup(tmp_path, "--hugepages", 2 * wanted)
        assert "set vm" not in again.stdout and sysctls() == after
    finally:
        undone = host_setup(tmp_path, "--undo")
    assert f"set vm.nr_hugepages back to {before['vm.nr_hugepages']}" in undone.stdout
    assert sysctls() == before
    assert not (tmp_path / "etc/sysctl.d/60-cardea.conf").exists()
    assert "nothing to undo" in host_setup(tmp_path, "--undo").stdout


def recorded(folder, text, place="var/lib/cardea-host-setup/undo", mode=0o600):
    record = folder / place
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(text)
    record.chmod(mode)
    return record


def test_what_cannot_be_undone_stays_on_record_and_the_rest_is_undone(tmp_path):
    settings = recorded(tmp_path, "", "etc/sysctl.d/60-cardea.conf")
    record = recorded(tmp_path, "file /etc/sysctl.d/60-cardea.conf created\nsysctl net.cardea.none 1\nnothing known 2\n")
    done = host_setup(tmp_path, "--undo", check=False)
    assert done.returncode == 1 and not settings.exists() and record.read_text() == "sysctl net.cardea.none 1\nnothing known 2\n"
    assert "not all could be put back" in done.stderr and "unknown kind: nothing known 2" in done.stderr


def test_a_purge_keeps_the_record_of_what_it_could_not_take_back(tmp_path):
    record = recorded(tmp_path, "file /etc/sysctl.d/60-cardea.conf created\nsysctl net.cardea.none 1\n")
    shutil.copy(HOST_SETUP, record.parent / "host-setup")
    done = with_files_in(tmp_path, "sh", TREE / "deploy/debian/cardea.postrm", "purge")
    assert "not all of what cardea-host-setup changed was taken back" in done.stderr and record.read_text() == "sysctl net.cardea.none 1\n"
    recorded(tmp_path, "file /etc/sysctl.d/60-cardea.conf created\n")
    assert with_files_in(tmp_path, "sh", TREE / "deploy/debian/cardea.postrm", "purge").stderr == "" and not record.parent.exists()


OLD_RECORD = "var/lib/cardea/host-setup.undo"
FOUND = "sysctl vm.nr_hugepages 0\nsysctl net.ipv4.tcp_rmem 4096 131072 6291456\nfile /etc/sysctl.d/60-cardea.conf created\nnic 0000:3b:00.0 ice\n"


def upgraded(folder):
    return with_files_in(folder, "sh", TREE / "deploy/debian/cardea.postinst", "configure", "0.0.1")


def test_an_upgrade_takes_over_the_record_of_versions_before(tmp_path):
    old = recorded(tmp_path, FOUND, OLD_RECORD, 0o644)
    assert upgraded(tmp_path).stderr == ""
    assert (tmp_path / "var/lib/cardea-host-setup/undo").read_text() == FOUND and not old.exists()


@pytest.mark.parametrize("spoil", [lambda record: record.chmod(0o664), lambda record: os.chown(record, 1, 1),
                                   lambda record: record.write_text(FOUND + "file /etc/shadow created\n"),
                                   lambda record: record.rename(record.with_name("real")) and record.symlink_to("real"),
                                   lambda record: os.link(record, record.with_name("again"))],
                         ids=["written by a group", "another's", "another file", "a link", "two names"])
def test_but_not_one_that_others_may_have_written(tmp_path, spoil):
    old = recorded(tmp_path, FOUND, OLD_RECORD)
    spoil(old)
    assert "is not taken over" in upgraded(tmp_path).stderr
    assert os.path.lexists(old) and not (tmp_path / "var/lib/cardea-host-setup/undo").exists()
    assert "an older record is /var/lib/cardea/host-setup.undo" in host_setup(tmp_path, "--undo").stderr


def test_a_newer_record_is_not_written_over(tmp_path):
    recorded(tmp_path, FOUND, OLD_RECORD)
    record = recorded(tmp_path, "sysctl vm.nr_hugepages 512\n")
    upgraded(tmp_path)
    assert record.read_text() == "sysctl vm.nr_hugepages 512\n" and (tmp_path / OLD_RECORD).exists()


@pytest.mark.parametrize("nic, why", [("lo", "lo is an interface, and no card on PCI is behind it"),
                                      ("0000:ff:1f.7", "no PCI device 0000:ff:1f.7; lspci -D lists them")])
def test_a_card_that_cannot_be_taken_is_refused_before_anything_is_said_or_done(nic, why):
    done = run([HOST_SETUP, "--dry-run", "--nic", nic], check=False)
    assert (done.returncode, done.stdout) == (1, "") and why in done.stderr


def test_an_image_is_prepared_without_a_touch_of_this_host(tmp_path):
    before = sysctls()
    run([HOST_SETUP, "--hugepages", 8192, "--root", tmp_path])
    settings = (tmp_path / "etc/sysctl.d/60-cardea.conf").read_text()
    assert "vm.nr_hugepages = 4096" in settings and "net.core.somaxconn = 16384" in settings
    assert sysctls() == before
    with open(tmp_path / "var/lib/cardea-host-setup/undo", "a") as record:  # of a host whose files were copied
        record.write(f"sysctl net.core.somaxconn {int(before['net.core.somaxconn']) + 1}\n")
    run([HOST_SETUP, "--undo", "--root", tmp_path])
    assert sysctls() == before and not (tmp_path / "etc/sysctl.d/60-cardea.conf").exists()
    done = run([HOST_SETUP, "--root", tmp_path, "--nic", "0000:3b:00.0"], check=False)
    assert done.returncode == 1 and "--nic is of this host" in done.stderr


def test_hugepages_are_counted_in_the_kernels_default_size(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 1 kB\nHugepagesize:    1048576 kB\n")
    done = run(["env", f"CARDEA_MEMINFO={tmp_path / 'meminfo'}", HOST_SETUP, "--dry-run", "--hugepages", 1500])
    assert "1500 MB are 2 huge pages of 1024 MB" in done.stdout


def test_what_the_kernel_cannot_give_now_is_kept_for_the_next_boot(tmp_path):
    """More huge pages than this host has memory: they are asked for at the next boot, and that is told at the end."""
    before = sysctls()
    megabytes = 2 * int(re.search(r"^MemTotal: *(\d+) kB", pathlib.Path("/proc/meminfo").read_text(), re.M)[1]) // 1024
    try:
        done = host_setup(tmp_path, "--hugepages", megabytes, check=False, timeout=120)
        assert done.returncode == 1 and "the kernel found only" in done.stderr
        assert f"vm.nr_hugepages = {(megabytes + 1) // 2}" in (tmp_path / "etc/sysctl.d/60-cardea.conf").read_text()
    finally:
        host_setup(tmp_path, "--undo")
    assert sysctls() == before


# Stacked interfaces of the kinds that every kernel has; bonds and VLANs tell what they are made of by the same links.
NETWORK = """
    link add c0 type veth peer name far0
    link add c1 type veth peer name far1
    link add c2 type veth peer name far2
    link add c3 type veth peer name far3
    link add br0 type bridge
    link set c0 master br0
    link add link br0 name over0 type macvlan
    link add br1 type bridge
    link set c1 master br1
    link set br0 up
    link set br1 up
    link set over0 up
    link set c2 up
    link set c3 up
    addr add 10.7.0.2/24 dev over0
    addr add 10.8.0.2/24 dev br1
    addr add 10.9.0.2/24 dev c2
    addr add 2001:db8:3::2/64 dev c3 nodad
    route add default via 10.7.0.1
    route add default via 2001:db8:3::1 table 77
"""


def test_cards_that_this_host_is_reached_by_are_not_taken():
    """A default route over two interfaces on top of a card, one of IPv6 in a table of its own, a session over a bridge."""
    name = f"host-setup-{os.getpid()}"
    run(["ip", "netns", "add", name])
    try:
        run(["ip", "-n", name, "-batch", "-"], stdin=NETWORK)
        inside = ["ip", "netns", "exec", name]
        plain = run([*inside, "env", "-u", "SSH_CONNECTION", HOST_SETUP, "--list-needed"]).stdout.split()
        assert plain == ["br0", "c0", "c3", "over0"]
        session = run([*inside, "env", "SSH_CONNECTION=10.8.0.9 50000 10.8.0.2 22", HOST_SETUP, "--list-needed"]).stdout.split()
        assert session == ["br0", "br1", "c0", "c1", "c3", "over0"]
        sudo = ["env", "SSH_CONNECTION=fe80::9%c2 50000 fe80::2%c2 22", "bash", "-c", 'env -u SSH_CONNECTION "$@"; exit $?', "bash"]
        zone = run([*inside, *sudo, HOST_SETUP, "--list-needed"]).stdout.split()
        assert zone == ["br0", "c0", "c2", "c3", "over0"], "a session by a link's own address, of which the caller was told nothing"
    finally:
        run(["ip", "netns", "del", name])


@pytest.mark.parametrize("arguments, word", [(["--nic", "0000:ff:1f.7"], "0000:ff:1f.7"), (["--hugepages", "lots"], "lots"),
                                             (["--nonsense"], "--nonsense")])
def test_bad_arguments_are_told(arguments, word):
    done = run([HOST_SETUP, *arguments, "--dry-run"], check=False)
    assert done.returncode != 0 and word in done.stderr
