#include "conf/nearest.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <set>
#include <utility>

namespace cardea::conf {
namespace {

constexpr size_t kLengthMax = 64;

char lower(char c) {
  return char(std::tolower(static_cast<unsigned char>(c)));
}

bool begins(std::string_view text, std::string_view beginning) {
  return beginning.size() >= 3 && text.starts_with(beginning);
}

// "max-Connections" → connections, max.
std::set<std::string> words_of(std::string_view name) {
  std::set<std::string> words;
  std::string word;
  for (const char c : name) {
    if (c != '_' && c != '-') {
      word += lower(c);
    } else if (!word.empty()) {
      words.insert(std::exchange(word, {}));
    }
  }
  if (!word.empty()) words.insert(word);
  return words;
}

}  // namespace

size_t edit_distance(std::string_view one, std::string_view other) {
  one = one.substr(0, kLengthMax);
  other = other.substr(0, kLengthMax);
  using Line = std::array<size_t, kLengthMax + 1>;
  Line before{}, above{}, line{};
  for (size_t j = 0; j <= other.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= one.size(); ++i) {
    line[0] = i;
    for (size_t j = 1; j <= other.size(); ++j) {
      const char a = lower(one[i - 1]), b = lower(other[j - 1]);
      line[j] = std::min({above[j] + 1, line[j - 1] + 1, above[j - 1] + (a != b)});
      const bool swapped = i > 1 && j > 1 && a == lower(other[j - 2]) && b == lower(one[i - 2]);
      if (swapped) line[j] = std::min(line[j], before[j - 2] + 1);
    }
    before = above;
    above = line;
  }
  return above[other.size()];
}

std::string nearest(std::string_view written, const std::vector<std::string>& known) {
  std::string best;
  size_t best_distance = SIZE_MAX;
  for (const std::string& word : known) {
    const size_t distance = edit_distance(written, word);
    const bool near = distance <= std::max<size_t>(1, std::max(written.size(), word.size()) / 3) ||
                      begins(word, written) || begins(written, word);
    if (near && distance < best_distance && distance < std::max(written.size(), word.size())) {
      best = word;
      best_distance = distance;
    }
  }
  return best;
}

std::string boolean_meant(std::string_view written) {
  std::string word;
  std::ranges::transform(written, std::back_inserter(word), lower);
  if (word == "true" || word == "yes" || word == "on") return "true";
  if (word == "false" || word == "no" || word == "off") return "false";
  return {};
}

bool same_words(std::string_view one, std::string_view other) {
  return words_of(one) == words_of(other);
}

std::vector<std::string> with_words_of(std::string_view written, const std::vector<std::string>& known) {
  const std::set<std::string> wanted = words_of(written);
  std::vector<std::string> same, more;
  for (const std::string& name : known) {
    const std::set<std::string> words = words_of(name);
    if (words == wanted) same.push_back(name);
    if (std::ranges::includes(words, wanted)) more.push_back(name);
  }
  if (wanted.empty()) return {};
  return same.empty() ? more : same;
}

}  // namespace cardea::conf
