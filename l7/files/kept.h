// Files that were opened a moment ago, kept open by one shard. One look at the name (stat) tells whether it still leads to the
// very same file, unchanged: then nothing has to be opened and closed. Whatever way a deployment takes, a moved link, a rename
// or a write, is seen at once. A name that came to lead out of the folder and back to the very file that was opened inside still
// counts as leading to it. Whoever sends a file holds it for as long as that takes.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "l7/files/open.h"
#include "l7/runtime/loop.h"

namespace cardea::l7::files {

class Kept final : private LoopTimer {
 public:
  using File = std::shared_ptr<const Opened>;  // null: there is none under this name
  static constexpr auto kUnused = std::chrono::seconds(10);         // then it is closed
  static constexpr size_t kNameMax = 512;                        // longer ones are not kept

  // `max`: names kept; the one that was asked for longest ago gives way.
  Kept(Loop& loop, size_t max) : LoopTimer(expire), loop_(loop), max_(max) {}
  Kept(const Kept&) = delete;
  ~Kept() { LoopTimer::cancel(); }

  // Nothing: not kept, or no longer what it was.
  std::optional<File> find(std::string_view folder, std::string_view name);
  // Names of files that exist, or which only their names lead to: what clients choose would fill it. Folders, and files
  // of file systems that may wait for somebody at every look (over a network, of a process), are not kept.
  void keep(std::string_view folder, std::string_view name, File file);
  size_t size() const { return entries_.size(); }

 private:
  struct Name {
    std::string_view folder, name;
    bool operator==(const Name&) const = default;
  };
  struct NameHash {
    size_t operator()(const Name& of) const;
  };
  struct Entry {
    std::string path;  // folder, "/", name
    size_t folder_size = 0;
    File file;
    Instant used;
    Name name() const;
  };
  using Entries = std::list<Entry>;

  static void expire(LoopTimer& timer);
  void close(Entries::iterator entry);

  Loop& loop_;
  const size_t max_;
  Entries entries_;  // what was asked for last comes first
  std::unordered_map<Name, Entries::iterator, NameHash> by_name_;
};

}  // namespace cardea::l7::files
