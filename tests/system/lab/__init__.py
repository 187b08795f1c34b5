"""A small site on one host: a client, the appliance and real backends, each in a network namespace of its own.

Every part is a real program (nginx, curl, Prometheus, the product's binaries); namespaces and veth pairs stand in for
the cables. `Site` lays the wires, the other modules start what runs on them. tools/quickstart and tools/lab build the
same site for people.
"""
