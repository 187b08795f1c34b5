// Where each setting of a document was written, by path, and which of them could not be read. Checks between settings
// ask it for lines to point at, and leave alone what is already reported as broken.
#pragma once

#include <set>
#include <string>
#include <unordered_map>

#include "conf/source.h"

namespace cardea::conf {

class Places {
 public:
  explicit Places(const Source& source) : source_(source) { lines_.reserve(source.lines.size()); }

  void put(std::string path, unsigned line_of_text) { lines_.insert_or_assign(std::move(path), line_of_text); }
  void spoil(const std::string& path) { spoilt_.insert(path); }
  void mend(const std::string& path) { spoilt_.erase(path); }  // what was meant is known, and was taken

  // The setting's place, or that of the closest group around it that was written.
  Place of(const std::string& path) const;
  bool written(const std::string& path) const { return lines_.contains(path); }
  bool spoilt(const std::string& path) const;  // the setting or anything inside it

 private:
  const Source& source_;
  std::unordered_map<std::string, unsigned> lines_;  // by path; of the source's text
  std::set<std::string> spoilt_;
};

}  // namespace cardea::conf
