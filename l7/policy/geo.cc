#include "l7/policy/geo.h"

#include <fmt/format.h>
#include <maxminddb.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <unordered_map>

#include "base/file_descriptor.h"
#include "l7/policy/named_files.h"
#include "l7/policy/read_file.h"

namespace cardea::l7::policy {
namespace {

using V6 = unsigned __int128;
using Path = const char* const*;

constexpr size_t kBytesMax = 1 << 30, kRangesMax = 32 << 20;

V6 number_of(const IpAddress& address) {
  V6 number = 0;
  for (const auto byte : address.bytes) number = number << 8 | uint8_t(byte);
  return number;
}

struct Closer {
  void operator()(MMDB_s* database) const {
    MMDB_close(database);
    delete database;
  }
};
using Database = std::unique_ptr<MMDB_s, Closer>;

// The library maps its file, and whoever shortens that in place would end the process: it is given a copy.
Result<FileDescriptor> copy_of(const std::string& file) {
  const auto bytes = read_file(file, kBytesMax);
  if (!bytes) return std::unexpected(bytes.error());
  FileDescriptor copy(::memfd_create("geo", MFD_CLOEXEC));
  size_t at = 0;
  while (copy && at < bytes->size()) {
    const ssize_t written = ::write(copy.get(), bytes->data() + at, bytes->size() - at);
    if (written <= 0) return fail_errno("copy " + file);
    at += size_t(written);
  }
  if (!copy) return fail_errno("copy " + file);
  return copy;
}

Result<Database> open(const std::string& file) {
  const auto copy = copy_of(file);
  if (!copy) return std::unexpected(copy.error());
  auto database = std::make_unique<MMDB_s>();
  const int status = MMDB_open(fmt::format("/proc/self/fd/{}", copy->get()).c_str(), MMDB_MODE_MMAP, database.get());
  if (status != MMDB_SUCCESS)
    return fail(fmt::format("{}: is no database in MaxMind's format: {}", file, MMDB_strerror(status)), Origin::kOperator);
  return Database(database.release());
}

std::string_view text_at(MMDB_entry_s entry, Path path) {
  MMDB_entry_data_s data;
  if (MMDB_aget_value(&entry, &data, path) != MMDB_SUCCESS || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING)
    return {};
  return {data.utf8_string, data.data_size};
}

// As MaxMind and DB-IP have it, and as IPinfo does.
uint32_t country_of(const MMDB_entry_s& entry) {
  const char *const kNested[] = {"country", "iso_code", nullptr}, *const kFlat[] = {"country_code", nullptr},
             *const kPlain[] = {"country", nullptr};
  for (const Path path : {Path(kNested), Path(kFlat), Path(kPlain)})
    if (const uint32_t country = country_number(text_at(entry, path))) return country;
  return 0;
}

uint32_t as_number_of(const MMDB_entry_s& from) {
  const char *const kNumber[] = {"autonomous_system_number", nullptr}, *const kText[] = {"asn", nullptr};
  MMDB_entry_s entry = from;
  MMDB_entry_data_s data;
  if (MMDB_aget_value(&entry, &data, kNumber) == MMDB_SUCCESS && data.has_data && data.type == MMDB_DATA_TYPE_UINT32)
    return data.uint32;
  std::string_view text = text_at(from, kText);
  if (text.starts_with("AS")) text.remove_prefix(2);
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

}  // namespace

// Walks the tree of a database from its root, which is in the order of addresses.
class DatabaseReader {
 public:
  using ValueOf = uint32_t (*)(const MMDB_entry_s&);

  DatabaseReader(const MMDB_s& database, ValueOf value_of) : database_(database), value_of_(value_of) {}

  Result<AddressMap> read() {
    const bool both = database_.metadata.ip_version == 6;
    const auto v4_root = both ? database_.ipv4_start_node.node_value : 0;
    if (v4_root < database_.metadata.node_count && !(walk<uint32_t, 32>(map_.v4_, v4_root))) return refuse();
    map_.v4_.close();
    skipped_ = both && v4_root != 0 ? v4_root : database_.metadata.node_count;
    if (both && !(walk<V6, 128>(map_.v6_, 0))) return refuse();
    map_.v6_.close();
    if (!knows_any_) return fail("says nothing of any address", Origin::kOperator);
    return std::move(map_);
  }

 private:
  template <typename Number>
  struct Branch {
    uint64_t record;
    uint8_t type;
    MMDB_entry_s entry;
    Number first;
    unsigned length;  // of the prefix, in bits
  };

  static std::unexpected<Error> refuse() { return fail("is damaged, or holds more networks than are possible"); }

  // False: it leads nowhere, or has no end. IPv4 within IPv6, in whichever of its places, is not looked at there.
  template <typename Number, unsigned kBits>
  bool walk(RangeMap<Number, uint32_t>& into, uint32_t root) {
    std::vector<Branch<Number>> open;
    if (!split<Number, kBits>(open, root, 0, 0)) return false;
    while (!open.empty()) {
      const Branch<Number> next = open.back();
      open.pop_back();
      if (next.type == MMDB_RECORD_TYPE_DATA) {
        put<Number, kBits>(into, next);
      } else if (next.type == MMDB_RECORD_TYPE_SEARCH_NODE && next.record != skipped_) {
        if (next.length >= kBits || ++nodes_ > kRangesMax) return false;
        if (!split<Number, kBits>(open, uint32_t(next.record), next.first, next.length)) return false;
      } else if (next.type == MMDB_RECORD_TYPE_INVALID) {
        return false;
      }
    }
    return true;
  }

  template <typename Number, unsigned kBits>
  bool split(std::vector<Branch<Number>>& open, uint32_t number, Number first, unsigned length) {
    MMDB_search_node_s node;
    if (MMDB_read_node(&database_, number, &node) != MMDB_SUCCESS) return false;
    const Number half = Number{1} << (kBits - 1 - length);
    open.push_back({node.right_record, node.right_record_type, node.right_record_entry, Number(first | half), length + 1});
    open.push_back({node.left_record, node.left_record_type, node.left_record_entry, first, length + 1});
    return true;
  }

  template <typename Number, unsigned kBits>
  void put(RangeMap<Number, uint32_t>& into, const Branch<Number>& leaf) {
    const Number rest = leaf.length == kBits ? Number{0} : Number(Number(~Number{0}) >> leaf.length);
    const auto [known, fresh] = values_.try_emplace(leaf.entry.offset, 0);
    if (fresh) known->second = value_of_(leaf.entry);
    knows_any_ |= known->second != 0;
    into.put(leaf.first, Number(leaf.first | rest), known->second);
  }

  const MMDB_s& database_;
  const ValueOf value_of_;
  AddressMap map_;
  std::unordered_map<uint32_t, uint32_t> values_;  // by where they stand
  uint64_t skipped_ = ~uint64_t{0};
  size_t nodes_ = 0;
  bool knows_any_ = false;
};

namespace {

Result<AddressMap> read(const std::string& file, DatabaseReader::ValueOf value_of) {
  const auto database = open(file);
  if (!database) return std::unexpected(database.error());
  auto map = DatabaseReader(**database, value_of).read();
  if (!map) map.error().message.insert(0, file + ": ");
  return map;
}

}  // namespace

uint32_t AddressMap::at(const IpAddress& address) const {
  const V6 number = number_of(address);
  return address.is_v4() ? v4_.at(uint32_t(number)) : v6_.at(number);
}

Result<AddressMap> countries_in(const std::string& file) {
  return read(file, country_of);
}

Result<AddressMap> as_numbers_in(const std::string& file) {
  return read(file, as_number_of);
}

Result<Geo> Geo::read(const std::string& countries, const std::string& as_numbers) {
  Geo geo;
  if (!countries.empty()) {
    auto map = countries_in(countries);
    if (!map) return std::unexpected(std::move(map.error()));
    geo.countries_ = std::move(*map);
  }
  if (!as_numbers.empty()) {
    auto map = as_numbers_in(as_numbers);
    if (!map) return std::unexpected(std::move(map.error()));
    geo.as_numbers_ = std::move(*map);
  }
  return geo;
}

std::string_view Geo::country(const IpAddress& address) const {
  static constexpr auto kLetters = [] {
    std::array<char, 2 * 26 * 26> all{};
    for (size_t i = 0; i < all.size() / 2; ++i) all[2 * i] = char('A' + i / 26), all[2 * i + 1] = char('A' + i % 26);
    return all;
  }();
  const uint32_t country = country_of(address);
  return country == 0 ? std::string_view() : std::string_view(kLetters.data() + 2 * (country - 1), 2);
}

}  // namespace cardea::l7::policy
