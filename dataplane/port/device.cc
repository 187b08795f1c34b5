// Taking `device` apart and filling in the defaults of the drivers that sit on a Linux interface.
#include "dataplane/port/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>
#include <span>

namespace cardea::dataplane {
namespace {

// Frames wait in a ring shared with the kernel: a burst of 1,024 is 0.8 ms at 1.2 Mpps, and 2 MB a direction.
// 60 ms of 65,000 packets a second: a worker that shares its core with others is away for that long now and then.
constexpr uint32_t kAfPacketFrames = 4096;
constexpr uint32_t kAfPacketBlock = 65536;  // about
constexpr uint32_t kAfPacketFrameStep = 1024;
// The kernel puts its header, the link-layer address and padding before each frame (TPACKET_V2: 66 bytes), and the
// Ethernet header with two VLAN tags counts beside the MTU.
constexpr uint32_t kAfPacketOverhead = 128;

bool is_hex(std::string_view text, size_t digits_min, size_t digits_max) {
  return text.size() >= digits_min && text.size() <= digits_max &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// [domain:]bus:device.function
bool is_pci_address(std::string_view text) {
  const size_t dot = text.rfind('.');
  if (dot == text.npos || !is_hex(text.substr(dot + 1), 1, 1)) return false;
  std::string_view head = text.substr(0, dot);
  const size_t device = head.rfind(':');
  if (device == head.npos || !is_hex(head.substr(device + 1), 1, 2)) return false;
  head = head.substr(0, device);
  const size_t bus = head.rfind(':');
  if (bus == head.npos) return is_hex(head, 1, 2);
  return is_hex(head.substr(bus + 1), 1, 2) && is_hex(head.substr(0, bus), 4, 8);
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t comma; (comma = text.find(',')) != text.npos; text.remove_prefix(comma + 1))
    parts.push_back(text.substr(0, comma));
  parts.push_back(text);
  return parts;
}

Device::Kind kind_of(std::string_view driver) {
  while (!driver.empty() && std::isdigit(static_cast<unsigned char>(driver.back())) != 0) driver.remove_suffix(1);
  if (driver == "net_af_packet") return Device::Kind::kAfPacket;
  if (driver == "net_af_xdp") return Device::Kind::kAfXdp;
  return Device::Kind::kOther;
}

using Arguments = std::vector<std::pair<std::string, std::string>>;

void add_default(Arguments& arguments, std::string_view key, uint64_t value) {
  if (std::ranges::none_of(arguments, [&](const auto& argument) { return argument.first == key; }))
    arguments.emplace_back(key, std::to_string(value));
}

// The driver takes the frames for one row without gaps: a block is a whole number of them, and of pages, which four
// frames always are; and the ring a whole number of blocks.
uint32_t af_packet_block(uint32_t frame) {
  return frame * std::max<uint32_t>(4, std::bit_floor(kAfPacketBlock / std::max(frame, 1u)));
}

void add_af_packet_defaults(const Device& device, Arguments& arguments, const VdevShape& shape) {
  const uint32_t frame = af_packet_frame(device, shape.mtu);
  add_default(arguments, "qpairs", shape.queues);
  add_default(arguments, "blocksz", af_packet_block(frame));
  add_default(arguments, "framesz", frame);
  add_default(arguments, "framecnt", kAfPacketFrames);
  add_default(arguments, "qdisc_bypass", 1);
}

void add_af_xdp_defaults(Arguments& arguments, const VdevShape& shape) {
  add_default(arguments, "start_queue", 0);
  add_default(arguments, "queue_count", shape.queues);
  // The driver's preferred busy polling makes a system call of every empty poll and keeps the NIC's interrupts off:
  // right for a worker that never sleeps, wrong for one that sleeps until the interrupt.
  if (!shape.busy) add_default(arguments, "busy_budget", 0);
}

}  // namespace

Result<Device> parse_device(std::string_view text) {
  const std::vector<std::string_view> parts = split(text);
  Device device;
  device.driver = parts[0];
  for (std::string_view part : std::span(parts).subspan(1)) {
    const size_t equals = part.find('=');
    if (part.empty() || equals == 0) return fail(fmt::format("device \"{}\": empty argument", text), Origin::kOperator);
    device.arguments.emplace_back(part.substr(0, equals), equals == part.npos ? "" : part.substr(equals + 1));
    if (device.arguments.back().first == "iface") device.interface = device.arguments.back().second;
  }
  if (is_pci_address(parts[0])) {
    device.kind = Device::Kind::kPci;
    if (std::ranges::count(parts[0], ':') == 1) device.driver.insert(0, "0000:");
    return device;
  }
  if (!parts[0].starts_with("net_"))
    return fail(
        fmt::format("device \"{}\": neither a PCI address (0000:3b:00.0) nor a DPDK device (net_af_xdp,iface=eth1)",
                    text),
        Origin::kOperator);
  device.kind = kind_of(parts[0]);
  if (device.on_host_interface() && device.interface.empty())
    return fail(fmt::format("device \"{}\": say which Linux interface: {},iface=NAME", text, parts[0]),
                Origin::kOperator);
  return device;
}

std::string arguments_text(const std::vector<std::pair<std::string, std::string>>& arguments) {
  std::string text;
  for (const auto& [key, value] : arguments)
    text += (text.empty() ? "" : ",") + key + (value.empty() ? "" : "=" + value);
  return text;
}

std::string allowed_pci(const Device& device) {
  return device.driver + (device.arguments.empty() ? "" : "," + arguments_text(device.arguments));
}

uint32_t af_packet_frame(const Device& device, uint32_t mtu) {
  for (const auto& [key, value] : device.arguments)
    if (key == "framesz") return uint32_t(std::strtoul(value.c_str(), nullptr, 10));
  const uint32_t wanted = std::max<uint32_t>(2048, mtu + kAfPacketOverhead);
  return (wanted + kAfPacketFrameStep - 1) / kAfPacketFrameStep * kAfPacketFrameStep;
}

std::string vdev_name(const Device& device, unsigned index) {
  const bool numbered = std::isdigit(static_cast<unsigned char>(device.driver.back())) != 0;
  return numbered ? device.driver : device.driver + std::to_string(index);
}

std::string vdev_arguments(const Device& device, const VdevShape& shape) {
  Arguments arguments = device.arguments;
  if (device.kind == Device::Kind::kAfPacket) add_af_packet_defaults(device, arguments, shape);
  if (device.kind == Device::Kind::kAfXdp) add_af_xdp_defaults(arguments, shape);
  return arguments_text(arguments);
}

}  // namespace cardea::dataplane
