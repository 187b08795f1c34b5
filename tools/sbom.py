"""What a package is made of, as SPDX 2.3 (ISO/IEC 5962) in JSON: itself, and every Debian package that its binaries were
linked with, at the version that was there. Headers that leave no library behind are named by the build's own list.
"""
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile
import time

# Compiled into the binaries, so that no dependency of the package tells of them.
COMPILED_IN = ["nlohmann-json3-dev", "libcli11-dev", "libflatbuffers-dev"]


def told(*argv):
    return subprocess.run([str(a) for a in argv], check=True, text=True, stdout=subprocess.PIPE).stdout


def installed(name):
    fields = told("dpkg-query", "-W", "-f=${Package}\n${Version}\n${source:Package}\n", name).splitlines()
    return fields[:3]


def dependencies(package):
    """Names in Depends that are installed here; alternatives and bounds fall away."""
    listed = told("dpkg-deb", "-f", package, "Depends")
    names = {re.split(r"[ (:|]", entry.strip())[0] for entry in listed.split(",")}
    return sorted(name for name in names if name and not name.startswith("cardea"))


def element(name, package_version, source, identity):
    return {"SPDXID": identity, "name": name, "versionInfo": package_version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION", "supplier": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": f"pkg:deb/debian/{name}@{package_version}?arch=amd64&upstream={source}"}]}


def files(package):
    """Each file of the package with its checksum."""
    with tempfile.TemporaryDirectory() as folder:
        told("dpkg-deb", "-x", package, folder)
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest()


def document(package, seconds):
    name, version = (told("dpkg-deb", "-f", package, field).strip() for field in ("Package", "Version"))
    own = {**element(name, version, "cardea", "SPDXRef-Package"), "licenseDeclared": "Apache-2.0"}
    rows = []
    for number, dependency in enumerate([*dependencies(package), *COMPILED_IN]):
        known, its_version, source = installed(dependency)
        rows.append(element(known, its_version, source, f"SPDXRef-{number}"))
    parts = [{"SPDXID": f"SPDXRef-File-{number}", "fileName": f"./{path}",
              "checksums": [{"algorithm": "SHA256", "checksumValue": checksum}], "licenseConcluded": "NOASSERTION",
              "copyrightText": "NOASSERTION"} for number, (path, checksum) in enumerate(files(package))]
    links = [("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Package")]
    links += [("SPDXRef-Package", "DEPENDS_ON", row["SPDXID"]) for row in rows]
    links += [("SPDXRef-Package", "CONTAINS", part["SPDXID"]) for part in parts]
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"{name}-{version}",
            "documentNamespace": f"https://cardea.invalid/spdx/{name}-{version}",
            "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
                             "creators": ["Tool: cardea-tools-package"]},
            "packages": [own, *rows], "files": parts,
            "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in links]}


def write(package, into, seconds):
    into.write_text(json.dumps(document(package, seconds), indent=1) + "\n")
