#include "l7/control/kept_staples.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "base/file_descriptor.h"
#include "l7/tls/staple.h"

namespace cardea::l7 {

namespace {

constexpr size_t kDigits = 32;
constexpr std::string_view kEnding = ".der";

bool is_ours(std::string_view name) {
  return name.size() == kDigits + kEnding.size() && name.ends_with(kEnding) &&
         name.find_first_not_of("0123456789abcdef") == kDigits;
}

}  // namespace

Result<std::string> read_staple_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail_errno("open " + path);
  std::string text(tls::kStapleBytesMax + 1, '\0');
  size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size(); size += size_t(std::max<ssize_t>(got, 0))) {
    got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0) return fail_errno("read " + path);
  }
  text.resize(size);
  return text;
}

std::string KeptStaples::name_of(const tls::Certificate& certificate) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(certificate.chain_pem.data()), certificate.chain_pem.size(), digest.data());
  std::string name;
  for (size_t i = 0; i < kDigits / 2; ++i) name += fmt::format("{:02x}", digest[i]);
  return name.append(kEnding);
}

Result<std::string> KeptStaples::read(const std::string& name) const {
  return read_staple_file(folder_ + "/" + name);
}

// Not synced: a disk that is slow must not hold the control thread, and what a dying host tears is refused when it is read.
Result<> KeptStaples::write(const std::string& name, std::string_view der) const {
  ::mkdir(folder_.c_str(), 0750);
  const std::string path = folder_ + "/" + name, fresh = path + ".new";
  const FileDescriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!file) return fail_errno("open " + fresh);
  if (::write(file.get(), der.data(), der.size()) != ssize_t(der.size())) return fail_errno("write " + fresh);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno("rename " + fresh);
  return {};
}

void KeptStaples::remove(const std::string& name) const {
  ::unlink((folder_ + "/" + name).c_str());
}

void KeptStaples::keep_only(const std::set<std::string>& names) const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename().string();
    if (is_ours(name) && !names.contains(name)) remove(name);
  }
}

}  // namespace cardea::l7
