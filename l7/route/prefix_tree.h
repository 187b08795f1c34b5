// Path prefixes in radix trees that lie in a few flat arrays: built once, immutable, searched without allocation. A
// search costs what its path's length costs, however many prefixes there are. Many trees share one PrefixForest.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cardea::l7::route {

struct PathPrefix {
  std::string_view path;  // begins with '/'
  uint32_t value;         // the caller's; below kNoValue
};

class PrefixForest {
 public:
  static constexpr uint32_t kNoValue = UINT32_MAX;

  // A tree of prefixes with different paths, sorted by path (as std::string_view compares). Answers its root.
  uint32_t add_tree(std::span<const PathPrefix> sorted);

  // The value of the longest prefix of `path` that ends in '/', at the path's end, or before a '/'; or kNoValue.
  uint32_t longest(uint32_t root, std::string_view path) const;

  size_t bytes() const { return nodes_.size() * sizeof(Node) + first_bytes_.size() + labels_.size(); }

 private:
  struct Node {
    uint32_t label = 0;  // in labels_
    uint32_t label_size = 0;
    uint32_t first_child = 0;  // children are neighbours, in the order of their first bytes
    uint32_t value = kNoValue;
    uint16_t children = 0;
  };
  void fill(uint32_t at, std::span<const PathPrefix> sorted, size_t depth);
  uint32_t child(const Node& node, char byte) const;

  std::vector<Node> nodes_;
  std::vector<char> first_bytes_;  // of each node's label, beside nodes_: what a search scans
  std::string labels_;
};

}  // namespace cardea::l7::route
