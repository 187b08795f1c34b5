"""A certificate authority of the run's own, and certificates by it, all made by openssl: real keys, real chains, real names."""
import base64
import os
import pathlib

from lab.namespace import run
from lab.process import Process

KINDS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], "rsa": ["-newkey", "rsa:2048"]}


class Authority:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.certificate = self.folder / "authority.crt"
        if not self.certificate.exists():
            self._make("authority", ["/CN=The lab's authority"], "ec", 30,
                       "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, hosts=None, kind="ec", days=30, usage="serverAuth", more=(), with_issuer=False):
        """Writes NAME.crt and NAME.key, replacing what was there, for `hosts` (the name itself when None), with `more` extensions.
        Returns the two paths as the configuration names them."""
        names = ",".join(f"DNS:{host}" for host in hosts or [name])
        self._make(name, [f"/CN={(hosts or [name])[0]}"], kind, days, "-CA", self.certificate,
                   "-CAkey", self.certificate.with_suffix(".key"), "-addext", f"subjectAltName={names}",
                   "-addext", "basicConstraints=critical,CA:FALSE", "-addext", f"extendedKeyUsage={usage}",
                   *(word for line in more for word in ("-addext", line)), behind=self.certificate.read_text() if with_issuer else "")
        return {"cert": f"{self.folder / name}.crt", "key": f"{self.folder / name}.key"}

    def revoke(self, *names):
        """Writes revoked.crl, a list with these certificates, and returns its path."""
        index, config, file = (self.folder / each for each in ("index.txt", "ca.cnf", "revoked.crl"))
        index.write_text("")
        config.write_text(f"[ca]\ndefault_ca = own\n[own]\ndatabase = {index}\ndefault_md = sha256\ndefault_crl_days = 30\n"
                          f"certificate = {self.certificate}\nprivate_key = {self.certificate.with_suffix('.key')}\n")
        for name in names:
            run(["openssl", "ca", "-config", config, "-revoke", f"{self.folder / name}.crt"])
        run(["openssl", "ca", "-config", config, "-gencrl", "-out", file])
        return str(file)

    def responder(self, site, port, *names):
        """An OCSP responder of openssl's in the product's place, that knows these certificates; not started."""
        index = self.folder / "ocsp.txt"
        until = "351231235959Z"
        index.write_text("".join(f"V\t{until}\t\t{serial(self.folder / f'{name}.crt')}\tunknown\t/CN={name}\n" for name in names))
        return Process(site.run, "ocsp", site.lb.command(
            "openssl", "ocsp", "-index", index, "-port", port, "-rsigner", self.certificate, "-rkey", self.certificate.with_suffix(".key"),
            "-CA", self.certificate, "-nmin", "30"), site.kept)

    def _make(self, name, subject, kind, days, *more, behind=""):
        run(["openssl", "req", "-x509", *KINDS[kind], "-nodes", "-days", days, "-subj", *subject,
             "-keyout", f"{self.folder / name}.key.new", "-out", f"{self.folder / name}.crt.new", *more])
        with open(f"{self.folder / name}.crt.new", "a") as file:
            file.write(behind)
        for ending in ("key", "crt"):  # whoever reads them meanwhile sees whole files
            pathlib.Path(f"{self.folder / name}.{ending}.new").rename(f"{self.folder / name}.{ending}")


def ticket_key():
    """A line of a file with ticket keys."""
    return base64.b64encode(os.urandom(80)).decode()


def serial(certificate):
    """As it is shown on a connection: hexadecimal, upper case."""
    return run(["openssl", "x509", "-noout", "-serial", "-in", certificate]).stdout.strip().removeprefix("serial=")
