// Rows of `dataplane`: cores, tables, ports and how connections are tracked.
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;

const Section& nat_section() {
  static const Section section = section_of<Nat>(
      "nat", "",
      {
          value("addresses", &Nat::addresses, address(),
                {.prose = "Source addresses of connections to backends of \"fullnat\" services; each is answered for "
                          "by the port whose network contains it. With each one a backend can have as many connections "
                          "as there are ports; a closed one keeps its port for a second.",
                 .example = "addresses = [\"10.0.0.3\", \"10.0.0.4\"];",
                 .count_max = 64,
                 .unset = "the ports' own addresses"}),
          value("port_first", &Nat::port_first, number<uint16_t>(1024, 65535),
                {.prose = "First source port used towards backends; the range is divided among the workers.",
                 .restart = restart_of("dataplane.nat.port_first")}),
          value("port_last", &Nat::port_last, number<uint16_t>(1024, 65535),
                {.prose = "Last source port used towards backends; Linux uses 32768 to 60999 for connections of its "
                          "own, so the "
                          "range should end below.",
                 .restart = restart_of("dataplane.nat.port_last")}),
      });
  return section;
}

const Section& timeouts_section() {
  static const Section section = section_of<FlowTimeouts>(
      "timeouts", "",
      {
          value("tcp_syn", &FlowTimeouts::tcp_syn, duration(1s, 1h),
                {.prose = "A TCP flow is forgotten after this long without a packet while its handshake is not "
                          "complete; sooner where "
                          "others need its place or its NAT port."}),
          value("tcp_established", &FlowTimeouts::tcp_established, duration(1s, 168h),
                {.prose =
                     "The same for an established TCP connection; longer than the keepalive of clients and backends."}),
          value("tcp_closing", &FlowTimeouts::tcp_closing, duration(1s, 1h),
                {.prose = "The same after both sides' FIN, or a RST that its receiver may believe, was seen."}),
          value("udp", &FlowTimeouts::udp, duration(1s, 1h),
                {.prose = "The same for a UDP flow; a third of it while nobody followed an answer up."}),
      });
  return section;
}

const Section& door_section() {
  static const Section section = section_of<Door>(
      "door", "",
      {
          value("rate", &Door::rate, count(100, 10'000'000),
                {.prose = "Packets a second that this host gets without having asked for them: not for a service, not "
                          "an answer to a connection of its own, not among `ports`, and no ARP, neighbour discovery, "
                          "routing protocol or ping. What is beyond is dropped as \"door_rest_full\".",
                 .example = "rate = \"50k\";"}),
          value("ports", &Door::ports, number<uint16_t>(1, 65535),
                {.prose = "TCP and UDP ports of programs on this host that clients begin to talk to and that must be "
                          "reached whatever else comes in. What comes in for them goes first, without `rate`.",
                 .example = "ports = [22, 179, 9477];",
                 .count_max = 64}),
          value("other_hosts", &Door::other_hosts, boolean(),
                {.prose = "Whether this host also gets what is for another host's link address, as a bridge or virtual "
                          "machines on the port's interface need. Otherwise it is dropped as \"for_another_host\"."}),
      });
  return section;
}

Form<PortKernel> kernel_words() {
  return word<PortKernel>(
      {{"tap", PortKernel::kTap,
        "an interface of the port's name is made beside it; every packet comes to the dataplane, and what is Linux's "
        "crosses over"},
       {"interface", PortKernel::kInterface,
        "the interface that the device stands on stays Linux's, and the dataplane takes from it only what is for "
        "\"l4\" services: ARP, ping, ssh, BGP, VRRP and the connections of \"tcp\" and \"http\" services go on as on "
        "any host, and do not notice a dataplane that dies. Takes a \"net_af_xdp\" device"}});
}

const Section& blocks_section() {
  static const Section section = section_of<Blocks>(
      "blocks", "",
      {
          value("sources_max", &Blocks::sources_max, number<uint32_t>(1, 65'536),
                {.prose = "How many addresses, and /64 networks of IPv6, are blocked at a time. Who finds no room goes on being "
                          "refused by its limit, and is counted (cardea_blocks_refused_total)."}),
          value("never", &Blocks::never, prefix(),
                {.prose = "Networks of whom nobody is ever blocked: the operator's own, offices behind one address, probes.",
                 .example = "never = [\"192.0.2.0/24\", \"2001:db8:aaaa::/48\"];",
                 .count_max = 4096,
                 .unset = "those that never are"}),
      });
  return section;
}

const Section& port_section() {
  static const Section section = section_of<Port>(
      "port", "name",
      {
          value(
              "name", &Port::name, name(15),
              {.prose =
                   "The port's name, also that of the network interface beside it in Linux where `kernel` is \"tap\".",
               .example = "name = \"wan\";",
               .required = true,
               .restart = restart_of("dataplane.ports.name")}),
          value("device", &Port::device, text(256),
                {.prose = "The network card: a PCI address, or a DPDK device such as \"net_af_xdp,iface=eth1\" or "
                          "\"net_af_packet,iface=eth1\" for any card Linux drives. af_xdp takes several receive queues "
                          "only where `ethtool -l` calls them \"Combined\".",
                 .example = "device = \"0000:3b:00.0\";",
                 .required = true,
                 .restart = restart_of("dataplane.ports.device")}),
          value("addresses", &Port::addresses, prefix(),
                {.prose = "Addresses of this host on the port, each with its network's prefix length.",
                 .example = "addresses = [\"192.0.2.2/24\", \"2001:db8::2/64\"];",
                 .count_max = 64,
                 .unset = "addresses are set in Linux by other means"}),
          value("gateway", &Port::gateways, address(),
                {.prose = "Next hop of the default route through this port; at most one a family.",
                 .example = "gateway = [\"192.0.2.1\", \"2001:db8::1\"];",
                 .count_max = 2,
                 .unset = "no default route through this port"}),
          value(
              "mtu", &Port::mtu, number<uint16_t>(1280, 9600),
              {.prose = "Largest IP packet the port's network carries. A Linux interface under the port that has a smaller MTU gets "
                        "this one; a shared one has its own again when the dataplane ends.",
               .restart = restart_of("dataplane.ports.mtu")}),
          value("kernel", &Port::kernel, kernel_words(),
                {.prose =
                     "Which network interface is Linux's side of the port: the one that has its addresses, routes "
                     "and neighbours, and that `tcpdump` shows this host's own traffic on. On a shared one, addresses "
                     "and default routes that are there already stay as they are, also when the dataplane ends; "
                     "what it set itself goes then.",
                 .example = "kernel = \"tap\";",
                 .restart = restart_of("dataplane.ports.kernel"),
                 .unset = "\"interface\" where the device is of \"net_af_xdp\" and names no xdp_prog, else \"tap\"",
                 .details = "What `tcpdump` shows: on the TAP (the port's name), or on the shared interface, both directions of what is "
                            "the host's own, such as ARP, ICMP, ssh, BGP, health checks and connections of `tcp` and `http` services, "
                            "and nothing of `l4` services that are balanced. On the interface under a TAP: of `net_af_packet` what "
                            "comes in and nothing that leaves (with qdisc_bypass=0 in the device both), of `net_af_xdp` nothing, "
                            "since packets are taken before the kernel sees them. Under a PCI address there is no interface."}),
      });
  return section;
}

Form<Poll> poll_words() {
  return word<Poll>({{"adaptive", Poll::kAdaptive, "poll while packets come, sleep when idle and wake within 100 µs"},
                     {"busy", Poll::kBusy, "never sleep: each worker uses all of its core, always"}});
}

Form<Checksums> checksum_words() {
  return word<Checksums>({{"none", Checksums::kNone, "trust what arrives"},
                          {"headers", Checksums::kHeaders, "check IPv4 headers"},
                          {"full", Checksums::kFull, "check IPv4 headers and the TCP and UDP checksums"}});
}

Form<Prefix> addresses_or_networks() {
  Form<Prefix> form = prefix();
  form.expected = "an address with its whole length or a network, such as \"203.0.113.80/32\" or \"203.0.113.0/28\"";
  return form;
}

}  // namespace

const Section& dataplane_section() {
  static const Section section = section_of<Dataplane>(
      "dataplane", "",
      {
          value(
              "workers", &Dataplane::workers, number<uint16_t>(0, 1023),
              {.prose = "CPU numbers the packet workers run on, one worker each; keep everything else off these cores.",
               .example = "workers = [2, 3];",
               .required = true,
               .restart = restart_of("dataplane.workers"),
               .count_max = 64}),
          value("flows", &Dataplane::flows, count(1024, 1'000'000'000),
                {.prose = "How many live connections all workers together remember; their memory is taken at start.",
                 .example = "flows = \"10M\";",
                 .restart = restart_of("dataplane.flows")}),
          value("poll", &Dataplane::poll, poll_words(),
                {.prose = "What workers do when no packets come.", .restart = restart_of("dataplane.poll")}),
          value("checksums", &Dataplane::checksums, checksum_words(),
                {.prose = "Which checksums of arriving packets are checked before they are forwarded."}),
          group("nat", &Dataplane::nat, nat_section(),
                {.prose = "Source addresses and ports of connections to backends."}),
          group("timeouts", &Dataplane::timeouts, timeouts_section(),
                {.prose = "When an idle connection is forgotten."}),
          group("door", &Dataplane::door, door_section(),
                {.prose =
                     "What this host itself gets of the packets that come in by the ports. Where a port's `kernel` is "
                     "\"interface\", Linux gets its own without the dataplane, and nothing of this applies."}),
          group("blocks", &Dataplane::blocks, blocks_section(),
                {.prose = "Whom limits may have blocked (rate_limits[].block_for): nothing that comes from there by a port is taken, for "
                          "whatever service, until the time is over; of what comes for Linux too, but where a port's `kernel` is "
                          "\"interface\". Backends, this host's addresses, and peers that speak for others (trusted_proxies, "
                          "proxy_protocol) never are."}),
          value("floating", &Dataplane::floating, addresses_or_networks(),
                {.prose = "Addresses of services that another program moves between hosts, such as keepalived: it sets them on the "
                          "port's interface and takes them away, and the dataplane does neither. Services are ready on every host, "
                          "and only the one that has the address answers for it. A shorter prefix means all addresses within. "
                          "Addresses of `nat` are a host's own and never move.",
                 .example = "floating = [\"203.0.113.80/32\", \"2001:db8:100::80/128\"];",
                 .count_max = 1024,
                 .unset = "the dataplane sets the addresses of all services"}),
          value(
              "services_max", &Dataplane::services_max, number<uint32_t>(1, 65536),
              {.prose = "Most services the dataplane has room for.", .restart = restart_of("dataplane.services_max")}),
          value("backends_max", &Dataplane::backends_max, number<uint32_t>(1, 1048576),
                {.prose = "Most backends, over all pools, the dataplane has room for.",
                 .restart = restart_of("dataplane.backends_max")}),
          value("neighbours_max", &Dataplane::neighbours_max, number<uint32_t>(16, 1048576),
                {.prose = "Most next hops (backends on the same network, routers) the dataplane has room for.",
                 .restart = restart_of("dataplane.neighbours_max")}),
          list("ports", &Dataplane::ports, port_section(),
               {.prose = "The network cards packets come and go by.",
                .required = true,
                .restart = restart_of("dataplane.ports"),
                .count_max = 32}),
      });
  return section;
}

}  // namespace cardea::conf
