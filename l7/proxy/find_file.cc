#include "l7/proxy/find_file.h"

#include <algorithm>

#include "l7/http/accept_encoding.h"
#include "l7/proxy/disk.h"
#include "l7/route/file_name.h"

namespace cardea::l7::proxy {
namespace {

using File = files::Kept::File;
using files::Wait;

enum class Remember : bool { kNo, kYes };

struct Coding {
  std::string_view name, suffix;
};
constexpr Coding kCodings[] = {{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}};  // the best of equals first

// A file that was opened a moment ago is open still. `absent`: that there is no such file may be remembered too, since
// its name is not one that a client can choose, and its file system keeps nobody waiting.
Task<OrErrno<File>> open_file(Exchange& x, const route::Files& files, std::string_view name, Remember absent) {
  files::Kept& kept = x.shard().kept_files();
  if (const auto known = kept.find(files.root, name)) {
    count(x.shard(), x.shard().shared().rows.files_kept);
    if (!*known) co_return std::unexpected(ENOENT);
    co_return *known;
  }
  auto opened = co_await without_waiting(
      x, [&files, name](Wait wait) { return files::open_beneath(files.root.c_str(), name.data(), wait); });
  if (!opened) {
    if (absent == Remember::kYes && is_absent(opened.error())) kept.keep(files.root, name, nullptr);
    co_return std::unexpected(opened.error());
  }
  File file = std::make_shared<const files::Opened>(std::move(*opened));
  kept.keep(files.root, name, file);
  co_return file;
}

// With a NUL behind it.
std::string_view join(Exchange& x, std::string_view name, std::string_view suffix) {
  char* const text = x.arena().characters(name.size() + suffix.size() + 1);
  char* const end = std::ranges::copy(suffix, std::ranges::copy(name, text).out).out;
  *end = '\0';
  return {text, size_t(end - text)};
}

std::optional<std::string_view> asked_name(Exchange& x, const route::Files& files) {
  const size_t room = file_name_size(files, x.admitted.path);
  return file_name({x.arena().characters(room), room}, files, x.admitted.path, x.admitted.match.prefix());
}

// Beside the file, in the coding that the client wants most, where there is one.
Task<> take_precompressed(Exchange& x, const route::Files& files, FoundFile& found) {
  // The file as it is may be wanted more; of equals a coding is taken, and the first.
  uint16_t best = http::quality(x.head.headers, "identity");
  for (const Coding& coding : kCodings) {
    const uint16_t wanted = http::quality(x.head.headers, coding.name);
    if (wanted == 0 || wanted < best || (wanted == best && !found.coding.empty())) continue;
    const std::string_view name = join(x, found.name, coding.suffix);
    OrErrno<File> opened = co_await open_file(x, files, name, found.file->is_local ? Remember::kYes : Remember::kNo);
    if (!opened || (*opened)->is_folder) continue;
    best = wanted;
    found.file = std::move(*opened);
    found.coding = coding.name;
  }
}

}  // namespace

// A folder whose path does not end with "/" is found as such.
Task<Failure> find_file(Exchange& x, const route::Files& files, FoundFile& found) {
  const auto name = asked_name(x, files);
  OrErrno<File> opened = std::unexpected(ENOENT);
  if (name) opened = co_await open_file(x, files, *name, Remember::kNo);
  found.name = name.value_or("");
  if (opened && (*opened)->is_folder && x.admitted.path.match.ends_with('/')) opened = std::unexpected(ENOENT);
  if (!opened && is_absent(opened.error()) && !files.fallback.empty()) {
    found.name = files.fallback;
    opened = co_await open_file(x, files, found.name, Remember::kNo);
    if (opened && (*opened)->is_folder) opened = std::unexpected(ENOENT);
  }
  if (!opened) co_return failure_of_disk(x, opened.error());
  found.file = std::move(*opened);
  if (files.precompressed && !found.file->is_folder) co_await take_precompressed(x, files, found);
  co_return Failure{};
}

}  // namespace cardea::l7::proxy
