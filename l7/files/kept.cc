#include "l7/files/kept.h"

#include <sys/stat.h>

#include <cerrno>
#include <functional>
#include <iterator>

namespace cardea::l7::files {
namespace {

bool leads_to(const std::string& path, const Opened* file) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return !file && errno == ENOENT;
  return file && identity_of(status) == file->identity;
}

}  // namespace

// Names are those of files that exist: nobody who asks can choose them so that they meet.
size_t Kept::NameHash::operator()(const Name& of) const {
  const std::hash<std::string_view> hash;
  return hash(of.folder) * 31 + hash(of.name);
}

Kept::Name Kept::Entry::name() const {
  const std::string_view all = path;
  return {all.substr(0, folder_size), all.substr(folder_size + 1)};
}

std::optional<Kept::File> Kept::find(std::string_view folder, std::string_view name) {
  const auto found = by_name_.find(Name{folder, name});
  if (found == by_name_.end()) return {};
  const Entries::iterator entry = found->second;
  if (!leads_to(entry->path, entry->file.get())) {
    close(entry);
    return {};
  }
  entry->used = loop_.now();
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->file;
}

void Kept::keep(std::string_view folder, std::string_view name, File file) {
  if (name.size() > kNameMax || (file && (file->is_folder || !file->is_local))) return;
  if (const auto found = by_name_.find(Name{folder, name}); found != by_name_.end()) close(found->second);
  if (entries_.size() == max_) close(std::prev(entries_.end()));
  if (entries_.empty()) loop_.arm(*this, loop_.now() + kUnused);
  std::string path(folder);
  path.append("/").append(name);
  entries_.push_front({std::move(path), folder.size(), std::move(file), loop_.now()});
  by_name_.emplace(entries_.front().name(), entries_.begin());
}

void Kept::close(Entries::iterator entry) {
  by_name_.erase(entry->name());
  entries_.erase(entry);
}

void Kept::expire(LoopTimer& timer) {
  auto& kept = static_cast<Kept&>(timer);
  const Instant now = kept.loop_.now();
  while (!kept.entries_.empty() && now - kept.entries_.back().used >= kUnused) kept.close(std::prev(kept.entries_.end()));
  if (!kept.entries_.empty()) kept.loop_.arm(kept, kept.entries_.back().used + kUnused);
}

}  // namespace cardea::l7::files
