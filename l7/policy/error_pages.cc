#include "l7/policy/error_pages.h"

#include <algorithm>

#include "l7/policy/read_file.h"

namespace cardea::l7::policy {
namespace {

constexpr size_t kPageBytesMax = 64 << 10;
constexpr std::string_view kStatus = "${status}", kReason = "${reason}";

}  // namespace

ErrorPage ErrorPage::of(std::string_view text, std::string content_type) {
  ErrorPage page{std::move(content_type), {}, {}};
  for (;;) {
    const size_t status = text.find(kStatus), reason = text.find(kReason), at = std::min(status, reason);
    page.pieces.emplace_back(text.substr(0, at));
    if (at == text.npos) return page;
    page.holes.push_back(reason < status);
    text.remove_prefix(at + (reason < status ? kReason : kStatus).size());
  }
}

size_t ErrorPage::size(size_t status, size_t reason) const {
  size_t size = 0;
  for (const std::string& piece : pieces) size += piece.size();
  for (const bool is_reason : holes) size += is_reason ? reason : status;
  return size;
}

std::string_view ErrorPage::write(std::string_view status, std::string_view reason, char* room) const {
  char* at = room;
  for (size_t i = 0; i < pieces.size(); ++i) {
    at = std::ranges::copy(pieces[i], at).out;
    if (i < holes.size()) at = std::ranges::copy(holes[i] ? reason : status, at).out;
  }
  return {room, size_t(at - room)};
}

Result<ErrorPages> ErrorPages::read(const Written& from) {
  ErrorPages to;
  for (const auto& page : from) {
    const auto text = read_file(page->file, kPageBytesMax);
    if (!text) return std::unexpected(text.error());
    const std::string& type = page->content_type;
    const auto made = std::make_shared<const ErrorPage>(ErrorPage::of(*text, type.empty() ? "text/html; charset=utf-8" : type));
    for (const uint16_t status : page->status) to.pages_.emplace_back(status, made);
  }
  return to;
}

const ErrorPage* ErrorPages::of(uint16_t status) const {
  const auto found = std::ranges::find(pages_, status, &decltype(pages_)::value_type::first);
  return found == pages_.end() ? nullptr : found->second.get();
}

}  // namespace cardea::l7::policy
