"""A headless Chromium in a namespace, with a profile of the run's own that trusts the run's authority and nothing else."""
from lab.namespace import run

# Without these it looks for its maker's hosts at every start, which a closed network answers slowly.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]


class Chromium:
    def __init__(self, site, authority):
        self.namespace = site.client
        self.home = site.run.path / "chromium"
        database = self.home / ".pki/nssdb"
        database.mkdir(parents=True)
        run(["certutil", "-N", "-d", f"sql:{database}", "--empty-password"])
        run(["certutil", "-A", "-d", f"sql:{database}", "-n", "lab", "-t", "C,,", "-i", authority.certificate])

    def page(self, url):
        """The document after its scripts have run."""
        return self.namespace.run("env", f"HOME={self.home}", "chromium-headless-shell", *QUIET,
                                  f"--user-data-dir={self.home}/profile", "--dump-dom", url, timeout=90).stdout
