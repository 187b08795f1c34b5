// Where each setting of a document was written, by path, and which of them could not be read. Checks between settings
// ask it for lines to point at, and leave alone what is already reported as broken.
#pragma once

#include <map>
#include <set>
#include <string>

#include "conf/config.h"

namespace cardea::conf {

class Places {
 public:
  void put(const Place& place) { places_[place.path] = place; }
  void spoil(const std::string& path) { spoilt_.insert(path); }

  // The setting's place, or that of the closest group around it that was written.
  Place of(const std::string& path) const;
  bool written(const std::string& path) const { return places_.contains(path); }
  bool spoilt(const std::string& path) const;  // the setting or anything inside it

 private:
  std::map<std::string, Place> places_;
  std::set<std::string> spoilt_;
};

}  // namespace cardea::conf
