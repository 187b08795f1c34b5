#include "l7/route/prefix_tree.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace cardea::l7::route {
namespace {

// How many bytes behind `depth` the first and the last path share; the sorted ones between share them too.
size_t shared(std::span<const PathPrefix> sorted, size_t depth) {
  const std::string_view a = sorted.front().path.substr(depth), b = sorted.back().path.substr(depth);
  return size_t(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

uint32_t PrefixForest::add_tree(std::span<const PathPrefix> sorted) {
  CHECK(!sorted.empty());
  const auto root = uint32_t(nodes_.size());
  nodes_.emplace_back();
  first_bytes_.push_back('/');
  fill(root, sorted, 0);
  return root;
}

void PrefixForest::fill(uint32_t at, std::span<const PathPrefix> sorted, size_t depth) {
  const size_t label = shared(sorted, depth);
  nodes_[at].label = uint32_t(labels_.size());
  nodes_[at].label_size = uint32_t(label);
  labels_ += sorted.front().path.substr(depth, label);
  depth += label;
  if (sorted.front().path.size() == depth) {
    nodes_[at].value = sorted.front().value;
    sorted = sorted.subspan(1);
  }
  const auto same_byte = [depth](const PathPrefix& a, const PathPrefix& b) { return a.path[depth] == b.path[depth]; };
  const auto first_child = uint32_t(nodes_.size());
  nodes_[at].first_child = first_child;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i != 0 && same_byte(sorted[i - 1], sorted[i])) continue;
    nodes_.emplace_back();
    first_bytes_.push_back(sorted[i].path[depth]);
    ++nodes_[at].children;
  }
  uint32_t next = first_child;
  for (size_t begin = 0; begin < sorted.size();) {
    size_t end = begin + 1;
    while (end < sorted.size() && same_byte(sorted[begin], sorted[end])) ++end;
    fill(next++, sorted.subspan(begin, end - begin), depth);
    begin = end;
  }
}

uint32_t PrefixForest::child(const Node& node, char byte) const {
  const char* bytes = first_bytes_.data() + node.first_child;
  const void* found = node.children == 0 ? nullptr : std::memchr(bytes, byte, node.children);
  return found == nullptr ? UINT32_MAX : node.first_child + uint32_t(static_cast<const char*>(found) - bytes);
}

uint32_t PrefixForest::longest(uint32_t root, std::string_view path) const {
  uint32_t best = kNoValue;
  size_t depth = 0;
  for (uint32_t at = root; at != UINT32_MAX;) {
    const Node& node = nodes_[at];
    const std::string_view rest = path.substr(depth);
    if (rest.size() < node.label_size || std::memcmp(rest.data(), labels_.data() + node.label, node.label_size) != 0)
      break;
    depth += node.label_size;
    const bool boundary = depth == path.size() || path[depth] == '/' || (depth != 0 && path[depth - 1] == '/');
    if (node.value != kNoValue && boundary) best = node.value;
    if (depth == path.size()) break;
    at = child(node, path[depth]);
  }
  return best;
}

}  // namespace cardea::l7::route
