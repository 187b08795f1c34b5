#include "conf/places.h"

namespace cardea::conf {

Place Places::of(const std::string& path) const {
  std::string here = path;
  while (true) {
    if (const auto found = lines_.find(here); found != lines_.end()) return source_.place(found->second, path);
    if (here.empty()) return {{}, 0, path};
    const size_t cut = here.find_last_of(".[");
    here.resize(cut == here.npos ? 0 : cut);
  }
}

bool Places::spoilt(const std::string& path) const {
  const auto at = spoilt_.lower_bound(path);
  return at != spoilt_.end() && at->starts_with(path) &&
         (at->size() == path.size() || path.empty() || (*at)[path.size()] == '.' || (*at)[path.size()] == '[');
}

}  // namespace cardea::conf
