// Which media type a file's name stands for, by the system's list (mime.types(5): a type, then its extensions).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"

namespace cardea::l7::files {

inline constexpr const char* kSystemsMediaTypes = "/etc/mime.types";

class MediaTypes {
 public:
  static Result<std::shared_ptr<const MediaTypes>> read(const char* path);
  static MediaTypes parse(std::string_view text);

  // Of the name's extension, whatever its case; "application/octet-stream" where nobody knows it.
  std::string_view of(std::string_view name) const;

 private:
  void add_line(std::string_view line);
  std::unordered_map<std::string, std::string> by_extension_;
};

}  // namespace cardea::l7::files
