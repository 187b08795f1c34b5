#include "l7/policy/geo.h"

#include <charconv>
#include <optional>
#include <span>
#include <unordered_map>

#include "l7/policy/address_number.h"
#include "l7/policy/geo_record.h"
#include "l7/policy/geo_tree.h"
#include "l7/policy/named_files.h"
#include "l7/policy/read_file.h"

namespace cardea::l7::policy {
namespace {

using V6 = V6Number;
using Path = std::span<const std::string_view>;

constexpr size_t kBytesMax = 512 << 20;

// As MaxMind and DB-IP have it, and as IPinfo does.
uint32_t country_of(GeoRecords& records, size_t offset) {
  constexpr std::string_view kNested[] = {"country", "iso_code"}, kFlat[] = {"country_code"}, kPlain[] = {"country"};
  for (const Path path : {Path(kNested), Path(kFlat), Path(kPlain)}) {
    const GeoValue value = records.find(offset, path);
    const auto* const letters = std::get_if<std::string_view>(&value);
    if (letters && country_number(*letters) != 0) return country_number(*letters);
  }
  return 0;
}

uint32_t as_number_of(GeoRecords& records, size_t offset) {
  constexpr std::string_view kNumber[] = {"autonomous_system_number"}, kText[] = {"asn"};
  const GeoValue value = records.find(offset, kNumber);
  if (const auto* const number = std::get_if<uint32_t>(&value)) return *number;
  const GeoValue other = records.find(offset, kText);
  const auto* const named = std::get_if<std::string_view>(&other);
  std::string_view text = named ? *named : std::string_view();
  if (text.starts_with("AS")) text.remove_prefix(2);
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

}  // namespace

// Walks the tree of a database from its root, which is in the order of addresses.
class DatabaseReader {
 public:
  using ValueOf = uint32_t (*)(GeoRecords&, size_t offset);

  DatabaseReader(const GeoTree& tree, ValueOf value_of) : tree_(tree), value_of_(value_of), records_(tree.data()) {}

  Result<AddressMap> read() {
    const Record v4_root = tree_.ipv4_root();
    const bool v4 = walk<uint32_t, 32>(map_.v4_, v4_root);
    map_.v4_.close();
    if (tree_.has_ipv6() && v4_root.kind == Record::kNode) alias_of_ = v4_root.at;
    const bool v6 = !tree_.has_ipv6() || walk<V6, 128>(map_.v6_, {Record::kNode, 0});
    map_.v6_.close();
    if (!v4 || !v6 || records_.broken()) return fail("is damaged", Origin::kOperator);
    if (!knows_any_) return fail("says nothing of any address", Origin::kOperator);
    return std::move(map_);
  }

 private:
  using Record = GeoTree::Record;

  template <typename Number>
  struct Branch {
    Record record;
    Number first;
    unsigned length;  // of the prefix, in bits
  };

  // False: it leads nowhere. A tree has each of its nodes once, but for IPv4's, which is looked up by what is embedded in
  // an address where other places lead there as well (6to4, Teredo).
  template <typename Number, unsigned kBits>
  bool walk(RangeMap<Number, uint32_t>& into, Record root) {
    std::vector<Branch<Number>> open = {{root, 0, 0}};
    while (!open.empty() && !records_.broken()) {
      const Branch<Number> next = open.back();
      open.pop_back();
      const bool is_alias = kBits == 128 && next.record.kind == Record::kNode && next.record.at == alias_of_;
      if (next.record.kind == Record::kInvalid) return false;
      if (next.record.kind == Record::kData) put(into, next);
      if (is_alias && !add_alias(V6(next.first), next.length)) return false;
      if (next.record.kind != Record::kNode || is_alias) continue;
      if (next.length >= kBits || ++visited_ > tree_.nodes()) return false;
      const Number half = Number{1} << (kBits - 1 - next.length);
      open.push_back({tree_.record(next.record.at, true), Number(next.first | half), next.length + 1});
      open.push_back({tree_.record(next.record.at, false), next.first, next.length + 1});
    }
    return true;
  }

  bool add_alias(V6 first, unsigned length) {
    map_.aliases_.push_back({first, length});
    return length > 0 && length <= 96 && map_.aliases_.size() <= AddressMap::kAliasesMax;
  }

  template <typename Number>
  void put(RangeMap<Number, uint32_t>& into, const Branch<Number>& leaf) {
    const auto [known, fresh] = values_.try_emplace(leaf.record.at, 0);
    if (fresh) known->second = value_of_(records_, leaf.record.at);
    knows_any_ |= known->second != 0;
    into.put(leaf.first, Number(leaf.first | behind_prefix<Number>(leaf.length)), known->second);
  }

  const GeoTree& tree_;
  const ValueOf value_of_;
  GeoRecords records_;
  AddressMap map_;
  std::unordered_map<uint32_t, uint32_t> values_;  // by where they stand
  std::optional<uint32_t> alias_of_;               // IPv4's root
  uint64_t visited_ = 0;
  bool knows_any_ = false;
};

namespace {

Result<AddressMap> read(const std::string& file, DatabaseReader::ValueOf value_of) {
  const auto bytes = read_file(file, kBytesMax);
  if (!bytes) return std::unexpected(bytes.error());
  const auto tree = GeoTree::read(*bytes);
  auto map = tree ? DatabaseReader(*tree, value_of).read() : Result<AddressMap>(std::unexpected(tree.error()));
  if (!map) map.error().message.insert(0, file + ": ");
  return map;
}

}  // namespace

uint32_t AddressMap::at(const IpAddress& address) const {
  const V6 number = number_of(address);
  if (address.is_v4()) return v4_.at(uint32_t(number));
  for (const Alias& alias : aliases_)
    if ((number ^ alias.first) >> (128 - alias.length) == 0) return v4_.at(uint32_t(number >> (96 - alias.length)));
  return v6_.at(number);
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
