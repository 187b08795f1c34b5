// Which file a request's path asks for: its name beneath a root, decoded. Names that could lead astray are none: a
// coded "/" or NUL, and what begins with a "." anywhere, as .git and .htpasswd do, but for /.well-known/ (RFC 8615).
// Dot segments were resolved by routing; the kernel keeps what is left beneath the root (open.h). Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace cardea::l7::files {

// `path` in two pieces, of which one may be empty, as route::JoinedPath has it: percent-encoded as in a URL. The name
// has no "/" in front, and one at its end where the path has; it is empty for the root itself, and views `into`, which
// has room for both pieces and the NUL behind it.
std::optional<std::string_view> name_of(std::string_view front, std::string_view rest, std::span<char> into);

// "app.min.js": "js"; none: empty. In lower case only where it is written so.
std::string_view extension(std::string_view name);

}  // namespace cardea::l7::files
