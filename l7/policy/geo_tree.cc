#include "l7/policy/geo_tree.h"

#include <fmt/format.h>

#include "l7/policy/geo_record.h"

namespace cardea::l7::policy {
namespace {

constexpr std::string_view kMarker = "\xab\xcd\xefMaxMind.com";
constexpr size_t kGap = 16;  // bytes of nothing between tree and data

// Of its metadata; 0: it is not there.
uint32_t told(GeoRecords& metadata, std::string_view name) {
  const std::string_view path[] = {name};
  const GeoValue value = metadata.find(0, path);
  const auto* const number = std::get_if<uint32_t>(&value);
  return number ? *number : 0;
}

uint32_t big_endian(std::string_view bytes) {
  uint32_t number = 0;
  for (const char c : bytes) number = number << 8 | uint8_t(c);
  return number;
}

}  // namespace

Result<GeoTree> GeoTree::read(std::string_view bytes) {
  const size_t marker = bytes.rfind(kMarker);
  if (marker == bytes.npos) return fail("is no database in MaxMind's format", Origin::kOperator);
  GeoRecords metadata(bytes.substr(marker + kMarker.size()));
  const uint32_t version = told(metadata, "ip_version"), bits = told(metadata, "record_size"), format = told(metadata, "binary_format_major_version");
  GeoTree tree;
  tree.nodes_ = told(metadata, "node_count");
  tree.record_bits_ = bits;
  tree.ipv6_ = version == 6;
  if (format != 2 || (version != 4 && version != 6) || (bits != 24 && bits != 28 && bits != 32) || tree.nodes_ == 0)
    return fail(fmt::format("is of a form of MaxMind's format that is not known: version {}, IPv{}, records of {} bits", format, version, bits),
                Origin::kOperator);
  const uint64_t size = uint64_t{tree.nodes_} * bits / 4;
  if (size + kGap > marker) return fail("ends before its tree does", Origin::kOperator);
  tree.tree_ = bytes.substr(0, size);
  tree.data_ = bytes.substr(size + kGap, marker - size - kGap);
  return tree;
}

// Records of 28 bits share the byte in their middle: the left one has its upper half.
uint32_t GeoTree::number(uint32_t node, bool right) const {
  const size_t bytes = record_bits_ / 4;
  const std::string_view both = tree_.substr(size_t{node} * bytes, bytes);
  if (record_bits_ != 28) return big_endian(both.substr(right ? bytes / 2 : 0, bytes / 2));
  const auto middle = uint8_t(both[3]);
  return (right ? middle & 15u : unsigned(middle >> 4)) << 24 | big_endian(both.substr(right ? 4 : 0, 3));
}

GeoTree::Record GeoTree::record(uint32_t node, bool right) const {
  const uint32_t to = number(node, right);
  if (to < nodes_) return {Record::kNode, to};
  if (to == nodes_) return {Record::kNothing, 0};
  const uint32_t behind = to - nodes_;
  return behind < kGap || behind - kGap >= data_.size() ? Record{} : Record{Record::kData, uint32_t(behind - kGap)};
}

GeoTree::Record GeoTree::ipv4_root() const {
  Record at{Record::kNode, 0};
  for (int i = 0; ipv6_ && i < 96 && at.kind == Record::kNode; ++i) at = record(at.at, false);
  return at;
}

}  // namespace cardea::l7::policy
