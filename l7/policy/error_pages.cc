#include "l7/policy/error_pages.h"

#include <algorithm>

namespace cardea::l7::policy {
namespace {

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

void ErrorPages::add(const std::vector<uint16_t>& statuses, std::shared_ptr<const ErrorPage> page) {
  for (const uint16_t status : statuses) pages_.emplace_back(status, page);
}

const ErrorPage* ErrorPages::of(uint16_t status) const {
  const auto found = std::ranges::find(pages_, status, &decltype(pages_)::value_type::first);
  return found == pages_.end() ? nullptr : found->second.get();
}

}  // namespace cardea::l7::policy
