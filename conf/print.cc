#include "conf/print.h"

#include <fmt/format.h>

#include "conf/schema.h"

namespace cardea::conf {
namespace {

class Printer {
 public:
  explicit Printer(Secrets secrets) : secrets_(secrets) {}

  void settings(const Section& section, const void* owner, size_t depth) {
    for (const Row& row : section.rows) setting(row, owner, depth);
  }

  std::string take() { return std::move(text_); }

 private:
  void setting(const Row& row, const void* owner, size_t depth) {
    switch (row.shape) {
      case Row::Shape::kValue:
        for (const std::string& value : row.values(owner))
          if (!left_out(row, value)) line(depth, fmt::format("{} = {};", row.name, masked(row, value)));
        return;
      case Row::Shape::kArray:
        return line(depth, fmt::format("{} = [{}];", row.name, fmt::join(row.values(owner), ", ")));
      case Row::Shape::kGroup:
        for (const void* object : row.objects(owner)) group(row.name + ": {", "};", *row.section, object, depth);
        return;
      case Row::Shape::kList:
        return list(row, owner, depth);
    }
  }

  void list(const Row& row, const void* owner, size_t depth) {
    const auto objects = row.objects(owner);
    if (objects.empty()) return;
    line(depth, row.name + " = (");
    for (size_t i = 0; i < objects.size(); ++i)
      group("{", i + 1 < objects.size() ? "}," : "}", *row.section, objects[i], depth + 1);
    line(depth, ");");
  }

  void group(const std::string& opening, const char* closing, const Section& section, const void* owner, size_t depth) {
    line(depth, opening);
    settings(section, owner, depth + 1);
    line(depth, closing);
  }

  // Names and the like have no empty form: where nothing means something, nothing is written.
  static bool left_out(const Row& row, const std::string& value) { return value == "\"\"" && !row.facts.unset.empty(); }

  std::string masked(const Row& row, const std::string& value) const {
    return row.facts.secret && secrets_ == Secrets::kMasked && value != "\"\"" ? "\"(masked)\"" : value;
  }

  void line(size_t depth, std::string_view text) { text_.append(2 * depth, ' ').append(text).push_back('\n'); }

  Secrets secrets_;
  std::string text_;
};

}  // namespace

std::string print(const Config& config, Secrets secrets) {
  Printer printer(secrets);
  printer.settings(schema(), &config, 0);
  return printer.take();
}

}  // namespace cardea::conf
