"""A Debian in a folder, by mmdebstrap: of what our packages depend on, without what a host like ours has no use for."""
import subprocess


def told(*argv):
    return subprocess.run([str(word) for word in argv], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def dependencies(debs):
    """The names that these packages depend on, of alternatives the first, themselves left out."""
    names, own = set(), {told("dpkg-deb", "-f", deb, "Package") for deb in debs}
    for deb in debs:
        for depends in told("dpkg-deb", "-f", deb, "Depends").split(","):
            names.add(depends.split("|")[0].split("(")[0].strip().split(":")[0])
    return sorted(names - own)


def command(packages, folder, left_out=(), components=("main",), hooks=()):
    """`left_out`: paths, as dpkg's path-exclude takes them. `hooks`: commands with the folder as $1, behind the installation.

    The initial ramdisk is whoever's who starts it: Debian's own would be made once a kernel package. What is mounted below the folder
    is nobody else's, so whoever takes away what a killed run left finds no mounts in it.
    """
    return ["unshare", "--mount", "env", "INITRD=No", "mmdebstrap", "--mode=root", "--variant=minbase", f"--components={','.join(components)}",
            "--format=directory", '--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"',
            *(f"--dpkgopt=path-exclude={path}" for path in left_out), *(f"--customize-hook={hook}" for hook in hooks),
            f"--include={','.join(packages)}", "bookworm", str(folder)]
