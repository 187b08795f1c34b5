#include "base/path_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/template.h"

namespace cardea {
namespace {

// As in l7/http/byte_set.h: what a request's path and query may hold.
bool is_path_byte(char c) {
  return c > 0x20 && c < 0x7f && !std::string_view("\"#<>?\\`{}").contains(c);
}
bool is_query_byte(char c) {
  return c > 0x20 && c < 0x7f && c != '#';
}

// What ends a value in a query, or is read there as something else.
bool is_encoded(char c) {
  return std::string_view("&=+;").contains(c);
}

char* put_path(char* at, std::string_view text) {
  return std::ranges::copy(text, at).out;
}

// An escape of the path's stays one.
char* put_value(char* at, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_encoded(c)) {
      *at++ = '%', *at++ = kDigits[size_t(c) >> 4], *at++ = kDigits[size_t(c) & 15];
    } else {
      *at++ = c;
    }
  }
  return at;
}

Result<> check_path(std::string_view text) {
  if (!text.starts_with('/')) return fail(fmt::format("\"{}\" does not begin with '/'", text));
  if (text.starts_with("//")) return fail(fmt::format("\"{}\" begins with the name of a host, for some readers", text));
  return {};
}

Result<> check_bytes(const Template& read, bool (*fits)(char)) {
  for (const Template::Piece& piece : read.pieces())
    if (!std::ranges::all_of(piece.text, fits))
      return fail(fmt::format("\"{}\" holds what has to be percent-encoded", piece.text));
  return {};
}

Result<size_t> group_of(const Variable& variable, const Pattern* of) {
  if (variable.id == VariableId::kNone) return size_t{0};
  if (variable.id != VariableId::kPathGroup) return fail("nothing but groups of the path's can stand in it, as in ${path:1}");
  if (of == nullptr) return fail(fmt::format("there is no path_regex whose group ${{path:{}}} could be", variable.name));
  const auto group = of->group(variable.name);
  if (!group) return fail(fmt::format("the path_regex has no group \"{}\", but {}", variable.name, of->groups()));
  return *group;
}

}  // namespace

Result<std::vector<PathTemplate::Piece>> PathTemplate::read(std::string_view text, bool (*fits)(char), const Pattern* of) {
  const auto read = Template::parse(text, Moment::kRequest);
  if (!read) return std::unexpected(read.error());
  if (auto sound = check_bytes(*read, fits); !sound) return std::unexpected(std::move(sound.error()));
  std::vector<Piece> pieces;
  for (const Template::Piece& piece : read->pieces()) {
    const auto group = group_of(piece.variable, of);
    if (!group) return std::unexpected(group.error());
    pieces.push_back({piece.text, *group});
  }
  return pieces;
}

Result<PathTemplate> PathTemplate::parse(std::string_view text, const Pattern* of) {
  PathTemplate made;
  made.text_ = text;
  const size_t mark = text.find('?');
  made.has_query_ = mark != text.npos;
  const std::string_view path = text.substr(0, mark), query = made.has_query_ ? text.substr(mark + 1) : "";
  made.drops_query_ = made.has_query_ && query.empty();
  if (auto sound = check_path(path); !sound) return std::unexpected(std::move(sound.error()));
  auto path_pieces = read(path, is_path_byte, of), query_pieces = read(query, is_query_byte, of);
  if (!path_pieces) return std::unexpected(std::move(path_pieces.error()));
  if (!query_pieces) return std::unexpected(std::move(query_pieces.error()));
  made.path_ = std::move(*path_pieces), made.query_ = std::move(*query_pieces);
  return made;
}

size_t PathTemplate::size_max(std::string_view path, std::string_view query) const {
  return text_.size() + path_.size() * path.size() + 3 * query_.size() * path.size() + 1 + query.size();
}

std::optional<MadeTarget> PathTemplate::write(std::span<char> into, const Pattern* of, std::string_view path,
                                              std::string_view query) const {
  Pattern::Groups groups;
  if (of != nullptr && !of->find(path, groups)) return std::nullopt;
  const auto put = [&groups](char* at, const std::vector<Piece>& pieces, char* (*put_group)(char*, std::string_view)) {
    for (const Piece& piece : pieces) at = put_group(put_path(at, piece.text), piece.group == 0 ? "" : groups[piece.group]);
    return at;
  };
  char* const behind_path = put(into.data(), path_, put_path);
  std::string_view made(into.data(), size_t(behind_path - into.data()));
  while (made.starts_with("//")) made.remove_prefix(1);  // a group may have begun with one: else it would be a host
  if (!has_query_) return MadeTarget{made, query};
  char* at = put(behind_path, query_, put_value);
  if (drops_query_) query = {};
  if (at != behind_path && !query.empty()) at = put_path(at, "&");
  at = put_path(at, query);
  return MadeTarget{made, {behind_path, size_t(at - behind_path)}};
}

}  // namespace cardea
