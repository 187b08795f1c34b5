// Runs in the kernel for each frame of an interface that the dataplane shares with it: what layer 4 forwards goes to
// the dataplane's sockets, everything else stays the kernel's. It reads a frame as wire/ does (frame.h, quote.h,
// tunnel_quote.h; tests compare the two) and judges nothing: what looks like the dataplane's is taken, and whether it
// is sound is seen there. Checksums are not looked at. When no socket takes a frame, the dataplane is gone, and the
// frame is dropped: passed on, the kernel would answer for a service with a reset.
//
// It uses nothing that Linux 6.1 does not have, and no types of the running kernel (CONFIG_DEBUG_INFO_BTF).
#include <linux/bpf.h>
// What libbpf's headers are written for stands above them.
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "dataplane/xdp/maps.h"

struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, kQueuesMax);
  __type(key, __u32);
  __type(value, __u32);
} xsks_map SEC(".maps");  // DPDK's driver looks for it by this name

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, kServicesMax);
  __type(key, struct ServiceKey);
  __type(value, __u8);
} services SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, kAddressesMax);
  __type(key, struct Address);
  __type(value, struct AddressUse);
} addresses SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct PortLinkAddress);
} port SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, kReasons);
  __type(key, __u32);
  __type(value, __u64);
} counts SEC(".maps");

enum {
  kIcmp = 1,
  kTcp = 6,
  kUdp = 17,
  kIcmpV6 = 58,
  kHopByHop = 0,
  kRouting = 43,
  kFragmentHeader = 44,
  kAuthentication = 51,
  kDestinationOptions = 60,
  kIpInIp = 4,
  kIpv6InIp = 41,
  kExtensionHeadersMax = 8,
  kIcmpHeader = 8,
  kPortsAndMore = 8,
  kTaken = kServices | kNat | kOwnTcp,
  kDeepest = 0x3fff,
};

// As wire::Fault; what stays the kernel's for any reason is one.
enum Fault { kReadable, kUnreadable, kNotTcpUdp, kNotOurs };

struct Reading {
  struct xdp_md* frame;
  struct Address destination;
  __u32 l3, payload, end;  // in the frame: the IP header, what stands behind it (IPv4: its options), the packet's end
  __u16 port_be;           // the destination's
  __u8 family, fragment;
  __u8 first_next, protocol;  // that the IP header names; that of the last header
};

#define INLINE static __attribute__((always_inline)) inline

// Straight from the frame: bpf_xdp_load_bytes costs 20 ns a call, of 90 for a frame. No frame of one piece has headers
// behind kDeepest.
INLINE int load(const struct Reading* read, __u32 at, void* to, __u32 size) {
  const __u8* from = (const __u8*)(long)read->frame->data;
  if (at > kDeepest) return 0;
  from += at;
  if (from + size > (const __u8*)(long)read->frame->data_end) return 0;
  __builtin_memcpy(to, from, size);
  return 1;
}

INLINE __u16 be16(const __u8* at) {
  return (__u16)((__u16)at[0] << 8 | at[1]);
}

INLINE void set_v4(struct Address* address, const __u8* four) {
  __builtin_memset(address, 0, 10);
  address->bytes[10] = address->bytes[11] = 0xff;
  __builtin_memcpy(address->bytes + 12, four, 4);
}

INLINE int same(const void* one, const void* other, __u32 size) {
  return __builtin_memcmp(one, other, size) == 0;
}

// ---- reading (wire/read_frame.h)

INLINE enum Fault read_tcp(struct Reading* read, __u32 at, __u8 header[14]) {
  const __u32 left = read->end - at;
  if (left < 20 || !load(read, at, header, 14)) return kUnreadable;
  const __u32 length = (__u32)(header[12] >> 4) * 4;
  return length < 20 || length > left ? kUnreadable : kReadable;
}

INLINE enum Fault read_udp(struct Reading* read, __u32 at, __u8 header[14]) {
  const __u32 left = read->end - at;
  if (left < 8 || !load(read, at, header, 8)) return kUnreadable;
  const __u32 length = be16(header + 4);
  return length < 8 || (length > left && !read->fragment) ? kUnreadable : kReadable;
}

INLINE enum Fault read_l4(struct Reading* read, __u32 at) {
  __u8 header[14] = {};
  const enum Fault fault = read->protocol == kTcp ? read_tcp(read, at, header) : read_udp(read, at, header);
  if (fault != kReadable) return fault;
  if (be16(header) == 0 || be16(header + 2) == 0) return kUnreadable;
  __builtin_memcpy(&read->port_be, header + 2, 2);
  return kReadable;
}

INLINE int is_l4(__u8 protocol) {
  return protocol == kTcp || protocol == kUdp;
}

INLINE enum Fault read_ipv4(struct Reading* read, __u32 left) {
  __u8 ip[20];
  if (left < sizeof ip || !load(read, read->l3, ip, sizeof ip)) return kNotOurs;
  const __u32 header = (__u32)(ip[0] & 0xf) * 4, total = be16(ip + 2), fragment = be16(ip + 6);
  if (ip[0] >> 4 != 4 || header < 20 || total < header || total > left) return kNotOurs;
  read->family = 4;
  read->protocol = read->first_next = ip[9];
  read->payload = read->l3 + header;
  read->end = read->l3 + total;
  read->fragment = (fragment & 0x3fff) != 0;
  set_v4(&read->destination, ip + 16);
  if (!is_l4(read->protocol)) return kNotTcpUdp;
  return fragment & 0x1fff ? kReadable : read_l4(read, read->payload);
}

INLINE int is_extension(__u8 next) {
  return next == kHopByHop || next == kRouting || next == kDestinationOptions || next == kFragmentHeader ||
         next == kAuthentication;
}

INLINE __u32 extension_length(__u8 next, const __u8* header) {
  if (next == kFragmentHeader) return 8;
  return next == kAuthentication ? ((__u32)header[1] + 2) * 4 : ((__u32)header[1] + 1) * 8;
}

// One extension header. True: the walk is over, by `fault`.
INLINE int read_extension(struct Reading* read, __u8* next, __u32* at, enum Fault* fault) {
  __u8 header[4];
  *fault = kUnreadable;
  if (read->end - *at < 8 || !load(read, *at, header, sizeof header)) return 1;
  const __u32 length = extension_length(*next, header);
  if (length > read->end - *at || (*next == kRouting && header[3] != 0)) return 1;
  if (*next == kFragmentHeader) {
    const __u16 place = be16(header + 2) & 0xfff9;
    if (place != 0) read->fragment = 1;
    read->protocol = header[0];
    *fault = is_l4(header[0]) ? kReadable : kNotTcpUdp;
    if (place & 0xfff8) return 1;
  }
  *next = header[0];
  *at += length;
  return 0;
}

// To where the ports are: 0 in fragments but the first.
INLINE enum Fault walk_extensions(struct Reading* read, __u32* at) {
  __u8 next = read->first_next;
  for (int walked = 0; walked <= kExtensionHeadersMax; ++walked) {
    read->protocol = next;
    if (is_l4(next)) return kReadable;
    if (!is_extension(next)) return kNotTcpUdp;
    enum Fault fault;
    if (walked == kExtensionHeadersMax) break;
    if (read_extension(read, &next, at, &fault)) {
      *at = 0;
      return fault;
    }
  }
  return kUnreadable;
}

INLINE enum Fault read_ipv6(struct Reading* read, __u32 left) {
  __u8 ip[40];
  if (left < sizeof ip || !load(read, read->l3, ip, sizeof ip)) return kNotOurs;
  const __u32 total = 40 + (__u32)be16(ip + 4);
  if (ip[0] >> 4 != 6 || total > 0xffff || total > left) return kNotOurs;
  read->family = 6;
  read->first_next = ip[6];
  read->payload = read->l3 + 40;
  read->end = read->l3 + total;
  __builtin_memcpy(&read->destination, ip + 24, 16);
  __u32 at = read->payload;
  const enum Fault fault = walk_extensions(read, &at);
  return fault == kReadable && at != 0 ? read_l4(read, at) : fault;
}

// The port's own, VRRP's (RFC 5798 7.3), as path/batch.h's for_this_port().
INLINE int is_for_this_port(const __u8* to) {
  const __u32 zero = 0;
  const struct PortLinkAddress* own = bpf_map_lookup_elem(&port, &zero);
  const __u8 nobody[6] = {};
  if (!own || same(own->bytes, nobody, 6)) return 0;
  if (same(to, own->bytes, 6)) return 1;
  return to[0] == 0 && to[1] == 0 && to[2] == 0x5e && to[3] == 0 && (to[4] == 1 || to[4] == 2);
}

// A tag of VLAN 0 names none, it carries a priority (path/parse.cc). Every other tag is the kernel's.
INLINE enum Fault read_frame(struct Reading* read) {
  __u8 link[14], tag[4];
  const __u32 size = (__u32)bpf_xdp_get_buff_len(read->frame);
  if (!load(read, 0, link, sizeof link) || !is_for_this_port(link)) return kNotOurs;
  __u16 type = be16(link + 12);
  read->l3 = sizeof link;
  if (type == 0x8100) {
    if (!load(read, sizeof link, tag, sizeof tag) || (be16(tag) & 0xfff) != 0) return kNotOurs;
    type = be16(tag + 2);
    read->l3 += sizeof tag;
  }
  if (type == 0x0800) return read_ipv4(read, size - read->l3);
  return type == 0x86dd ? read_ipv6(read, size - read->l3) : kNotOurs;
}

// ---- whose it is

INLINE int has_use(const struct Address* address, __u16 flags) {
  const struct AddressUse* use = bpf_map_lookup_elem(&addresses, address);
  return use && use->flags & flags;
}

INLINE enum Reason reason_of_port(const struct Address* address, __u16 port_be, __u8 protocol) {
  struct ServiceKey key = {.port_be = port_be, .protocol = protocol};
  key.address = *address;
  if (bpf_map_lookup_elem(&services, &key)) return k_service;
  const struct AddressUse* use = bpf_map_lookup_elem(&addresses, address);
  if (!use) return k_kernel;
  const __u16 number = bpf_ntohs(port_be);
  if (use->flags & kNat && number >= use->nat_first && number <= use->nat_last) return k_nat;
  const int own = use->flags & kOwnTcp && protocol == kTcp;
  return own && number >= use->own_first && number <= use->own_last ? k_own_tcp : k_kernel;
}

// ---- ICMP errors (wire/quote.h, wire/tunnel_quote.h)

INLINE int is_error(__u8 type, __u8 family) {
  if (family == 6) return type >= 1 && type <= 4;
  return type == 3 || type == 11 || type == 12;
}

INLINE int is_too_big(const __u8* icmp, __u8 family) {
  return family == 6 ? icmp[0] == 2 : icmp[0] == 3 && icmp[1] == 4;
}

// The quoted ports, of the first fragment alone; `header`: bytes of the quoted packet's IP header.
INLINE enum Reason reason_of_quoted_ports(const struct Reading* read, __u32 at, __u32 header, __u8 protocol) {
  __u8 ports[4];
  __u16 port_be;
  if (header < 20 || read->end - at < header + kPortsAndMore) return k_kernel;
  if (!load(read, at + header, ports, sizeof ports) || be16(ports) == 0 || be16(ports + 2) == 0) return k_kernel;
  __builtin_memcpy(&port_be, ports, 2);
  return reason_of_port(&read->destination, port_be, protocol) == k_kernel ? k_kernel : k_quote;
}

INLINE enum Reason reason_of_quoted(const struct Reading* read, const __u8* icmp, __u32 at, __u32 header, __u8 protocol,
                                    int first) {
  if (is_l4(protocol)) return first ? reason_of_quoted_ports(read, at, header, protocol) : k_kernel;
  if (protocol != kIpInIp && protocol != kIpv6InIp) return k_kernel;
  return is_too_big(icmp, read->family) && has_use(&read->destination, kTunnels) ? k_tunnel : k_kernel;
}

INLINE enum Reason reason_of_quote_v4(const struct Reading* read, const __u8* icmp, __u32 at) {
  __u8 quoted[20];
  struct Address source;
  if (read->end - at < sizeof quoted || !load(read, at, quoted, sizeof quoted) || quoted[0] >> 4 != 4) return k_kernel;
  set_v4(&source, quoted + 12);
  if (!same(&source, &read->destination, sizeof source)) return k_kernel;
  return reason_of_quoted(read, icmp, at, (__u32)(quoted[0] & 0xf) * 4, quoted[9], (be16(quoted + 6) & 0x1fff) == 0);
}

INLINE enum Reason reason_of_quote_v6(const struct Reading* read, const __u8* icmp, __u32 at) {
  __u8 quoted[40];
  if (read->end - at < sizeof quoted || !load(read, at, quoted, sizeof quoted) || quoted[0] >> 4 != 6) return k_kernel;
  if (!same(quoted + 8, &read->destination, 16)) return k_kernel;
  return reason_of_quoted(read, icmp, at, 40, quoted[6], 1);
}

INLINE enum Reason reason_of_icmp(const struct Reading* read) {
  __u8 icmp[2];
  if (read->fragment || read->first_next != (read->family == 6 ? kIcmpV6 : kIcmp)) return k_kernel;
  if (read->end - read->payload < kIcmpHeader || !load(read, read->payload, icmp, sizeof icmp)) return k_kernel;
  if (!is_error(icmp[0], read->family)) return k_kernel;
  const __u32 quoted = read->payload + kIcmpHeader;
  return read->family == 6 ? reason_of_quote_v6(read, icmp, quoted) : reason_of_quote_v4(read, icmp, quoted);
}

// ---- the verdict

INLINE enum Reason reason_of(struct Reading* read) {
  switch (read_frame(read)) {
    case kReadable:
      if (read->fragment) return has_use(&read->destination, kTaken) ? k_fragment : k_kernel;
      return reason_of_port(&read->destination, read->port_be, read->protocol);
    case kUnreadable:
      return has_use(&read->destination, kTaken) ? k_unreadable : k_kernel;
    case kNotTcpUdp:
      return reason_of_icmp(read);
    case kNotOurs:
      return k_kernel;
  }
  return k_kernel;
}

INLINE void count(__u32 reason) {
  __u64* cell = bpf_map_lookup_elem(&counts, &reason);
  if (cell) ++*cell;
}

SEC("xdp")
int cardea_share(struct xdp_md* frame) {
  struct Reading read = {.frame = frame};
  const enum Reason reason = reason_of(&read);
  count(reason);
  if (reason == k_kernel) return XDP_PASS;
  const int verdict = (int)bpf_redirect_map(&xsks_map, frame->rx_queue_index, XDP_DROP);
  if (verdict != XDP_REDIRECT) count(k_unattended);
  return verdict;
}

const char kLicense[] SEC("license") = "Apache-2.0";
