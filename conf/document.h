// A libconfig document as a plain tree of values, each with the line it stands on. The only file that knows libconfig:
// its exceptions end here. A syntax error is a finding; what was understood before it is still in the tree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conf/finding.h"
#include "conf/source.h"

namespace cardea::conf {

struct Node {
  enum class Kind : uint8_t { kBoolean, kInteger, kReal, kText, kGroup, kArray, kList };
  Kind kind = Kind::kGroup;
  std::string name;   // of a setting; empty in arrays and lists
  unsigned line = 1;  // of Source::text
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string text;  // of an integer: its digits where they are more than it can hold, which it is the nearest to then
  std::vector<Node> children;

  bool scalar() const { return kind < Kind::kGroup; }
};

// What stands there, in words: `the number 2`, `the text "2s"`, `a group { … }`.
std::string describe(const Node& node);

struct Document {
  Node root;
  bool complete = true;   // false: a syntax error cut it short
  unsigned cut_line = 0;  // where, in Source::text; what stands there may be half of something
};

Document parse_document(const Source& source, Findings& findings);

}  // namespace cardea::conf
