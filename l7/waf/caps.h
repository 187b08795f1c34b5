// What a request's arguments come to, before the engine sees any: rules are tried on each argument by itself, and on its
// every byte (one value of 120 KB costs 60 to 80 ms), so that their number and length bound what an inspection costs.
// Counted from above: what may be an argument is one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cardea::l7::waf {

struct Arguments {
  size_t count = 0, longest = 0;  // bytes, as they came

  void add(size_t bytes) {
    ++count;
    longest = bytes > longest ? bytes : longest;
  }
};

void count_pairs(Arguments& to, std::string_view text);    // a query, or a form
void count_cookies(Arguments& to, std::string_view text);  // a header's
void count_json(Arguments& to, std::string_view text);     // leaves
void count_xml(Arguments& to, std::string_view text);      // attributes, and all text as one, as rules have it
void count_parts(Arguments& to, std::string_view text, std::string_view content_type);  // of multipart, without files
// A part that says its file's name as RFC 5987 has it, which RFC 7578 forbids: backends read it, and 3.0.9's engine does not.
bool names_a_file_twice(std::string_view text, std::string_view content_type);
// What ends the parts of a body that was cut: of a multipart without its end the engine shows rules no argument. Empty: nothing is
// missing, or nobody takes it apart.
std::string missing_end(std::string_view text, std::string_view content_type);
// By its type, of which a beginning counts as rule_set.cc and the engine have it; of none it is a form.
void count_body(Arguments& to, std::string_view text, std::string_view content_type);

}  // namespace cardea::l7::waf
