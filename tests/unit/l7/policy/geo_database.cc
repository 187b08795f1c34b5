#include "tests/unit/l7/policy/geo_database.h"

#include <array>
#include <map>

#include "base/ip.h"

namespace cardea::l7::policy::test {
namespace {

// A field's kind and size stand in its first byte, kinds above 7 in one more.
std::string head(unsigned kind, size_t size) {
  if (kind <= 7) return {char(kind << 5 | size)};
  return {char(size), char(kind - 7)};
}

constexpr unsigned kText = 2, kUint16 = 5, kUint32 = 6, kMap = 7, kUint64 = 9, kArray = 11;

std::string text_field(const std::string& text) {
  return head(kText, text.size()) + text;
}

std::string big_endian(uint64_t value, size_t bytes) {
  std::string all;
  for (size_t i = bytes; i-- > 0;) all += char(value >> 8 * i);
  return all;
}

struct Node {
  // A node's number, or what stands for "nothing" and for places of data until all are known.
  std::array<int64_t, 2> to = {kNothing, kNothing};
  static constexpr int64_t kNothing = -1;
};

int64_t to_data(size_t entry) {
  return -2 - int64_t(entry);
}

class Tree {
 public:
  void put(const Prefix& network, bool both, size_t entry) {
    const bool v4 = network.address.is_v4();
    std::string bits = v4 && both ? std::string(96, '0') : "";
    for (unsigned i = v4 ? 96 : 0; i < network.length + (v4 ? 96u : 0u); ++i)
      bits += uint8_t(network.address.bytes[i / 8]) >> (7 - i % 8) & 1 ? '1' : '0';
    end_of(bits) = to_data(entry);
  }
  void alias(const Prefix& network) {
    int64_t v4 = 0;
    for (int i = 0; i < 96; ++i) v4 = nodes_[size_t(v4)].to[0];
    std::string bits;
    for (unsigned i = 0; i < network.length; ++i)
      bits += uint8_t(network.address.bytes[i / 8]) >> (7 - i % 8) & 1 ? '1' : '0';
    end_of(bits) = v4;
  }
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  // The record that these bits lead to; nodes on the way are made.
  int64_t& end_of(const std::string& bits) {
    size_t node = 0;
    for (size_t i = 0; i + 1 < bits.size(); ++i) {
      const bool bit = bits[i] == '1';
      if (nodes_[node].to[bit] < 0) {
        nodes_[node].to[bit] = int64_t(nodes_.size());
        nodes_.emplace_back();
      }
      node = size_t(nodes_[node].to[bit]);
    }
    return nodes_[node].to[bits.back() == '1'];
  }

  std::vector<Node> nodes_ = std::vector<Node>(1);
};

std::string node_bytes(uint64_t left, uint64_t right, unsigned bits) {
  if (bits == 28)
    return big_endian(left & 0xffffff, 3) + char((left >> 24) << 4 | right >> 24) + big_endian(right & 0xffffff, 3);
  return big_endian(left, bits / 8) + big_endian(right, bits / 8);
}

std::string metadata(size_t nodes, unsigned ip_version, unsigned bits) {
  const auto small = [](const std::string& key, uint64_t value, unsigned kind, size_t bytes) {
    return text_field(key) + head(kind, bytes) + big_endian(value, bytes);
  };
  return "\xab\xcd\xefMaxMind.com" + head(kMap, 9) + small("binary_format_major_version", 2, kUint16, 2) +
         small("binary_format_minor_version", 0, kUint16, 2) + small("build_epoch", 1'790'000'000, kUint64, 8) +
         text_field("database_type") + text_field("Test") + text_field("description") + head(kMap, 0) +
         small("ip_version", ip_version, kUint16, 2) + text_field("languages") + head(kArray, 0) +
         small("node_count", nodes, kUint32, 4) + small("record_size", bits, kUint16, 2);
}

}  // namespace

std::string text(const std::string& key, const std::string& value) {
  return head(kMap, 1) + text_field(key) + text_field(value);
}

std::string number(const std::string& key, uint32_t value) {
  return head(kMap, 1) + text_field(key) + head(kUint32, 4) + big_endian(value, 4);
}

std::string nested(const std::string& key, const std::string& map) {
  return head(kMap, 1) + text_field(key) + map;
}

std::string database(const std::vector<Entry>& entries, unsigned ip_version, unsigned record_bits,
                     const std::vector<std::string>& aliases) {
  Tree tree;
  std::string data;
  std::vector<size_t> places;
  std::map<std::string, size_t> known;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto [place, fresh] = known.emplace(entries[i].data, data.size());
    if (fresh) data += entries[i].data;
    places.push_back(place->second);
    tree.put(*Prefix::parse(entries[i].network), ip_version == 6, i);
  }
  for (const std::string& network : aliases) tree.alias(*Prefix::parse(network));
  const size_t count = tree.nodes().size();
  const auto record = [&](int64_t to) {
    if (to >= 0) return uint64_t(to);
    return uint64_t(to == Node::kNothing ? count : count + 16 + places[size_t(-2 - to)]);
  };
  std::string bytes;
  for (const Node& node : tree.nodes()) bytes += node_bytes(record(node.to[0]), record(node.to[1]), record_bits);
  return bytes + std::string(16, '\0') + data + metadata(count, ip_version, record_bits);
}

}  // namespace cardea::l7::policy::test
