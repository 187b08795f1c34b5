// Databases of places, as an operator's files hold them: whatever is in one, it is refused or read.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/file_descriptor.h"
#include "l7/policy/geo.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cardea;
  const FileDescriptor file(::memfd_create("database", MFD_CLOEXEC));
  CHECK(file && ::write(file.get(), data, size) == ssize_t(size));
  const std::string name = "/proc/self/fd/" + std::to_string(file.get());
  if (const auto geo = l7::policy::Geo::read(name, name))
    for (const char* address : {"0.0.0.0", "192.0.2.9", "255.255.255.255", "::", "2001:db8::1"}) {
      const std::string_view country = geo->country(*IpAddress::parse(address));
      CHECK(country.empty() || l7::policy::country_number(country) != 0);
    }
  return 0;
}
