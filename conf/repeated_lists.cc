#include "conf/repeated_lists.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "conf/tokens.h"

namespace cardea::conf {
namespace {

constexpr char kMark = '*';  // in a name, for libconfig; no setting has one

}  // namespace

std::optional<std::string> with_repeated_lists(std::string_view text) {
  std::map<std::string_view, unsigned> times;
  std::string out;
  size_t copied = 0, depth = 0;
  const std::vector<Token> tokens = tokens_of(text);
  for (size_t i = 0; i + 2 < tokens.size(); ++i) {
    if (opens(tokens[i])) ++depth;
    if (closes(tokens[i]) && depth > 0) --depth;
    const bool list = tokens[i].kind == Token::Kind::kWord && assigns(tokens[i + 1]) && is(tokens[i + 2], '(');
    if (depth != 0 || !list || times[tokens[i].text]++ == 0) continue;
    const size_t end = size_t(tokens[i].text.data() - text.data()) + tokens[i].text.size();
    out.append(text, copied, end - copied).append(1, kMark).append(std::to_string(times[tokens[i].text]));
    copied = end;
  }
  if (copied == 0) return std::nullopt;
  return out.append(text, copied);
}

void join_repeated_lists(Node& root) {
  for (Node& node : root.children) {
    const size_t mark = node.name.find(kMark);
    if (mark == node.name.npos) continue;
    const auto first = std::ranges::find(root.children, node.name.substr(0, mark), &Node::name);
    if (first == root.children.end()) continue;
    std::ranges::move(node.children, std::back_inserter(first->children));
    node.name.clear();
  }
  std::erase_if(root.children, [](const Node& node) { return node.name.empty(); });
}

}  // namespace cardea::conf
