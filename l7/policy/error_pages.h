// What is sent in place of our own plain text (settings.ErrorPage), by status.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>


namespace cardea::l7::policy {

struct ErrorPage {
  std::string content_type;
  std::vector<std::string> pieces;  // "${status}" and "${reason}" stand between them, by turns of `holes`
  std::vector<bool> holes;          // whether it is the reason

  // Of a file's text.
  static ErrorPage of(std::string_view text, std::string content_type);
  std::string_view write(std::string_view status, std::string_view reason, char* room) const;
  size_t size(size_t status, size_t reason) const;
};

class ErrorPages {
 public:
  // A status that several are for has the first.
  void add(const std::vector<uint16_t>& statuses, std::shared_ptr<const ErrorPage> page);
  const ErrorPage* of(uint16_t status) const;  // null: none

 private:
  std::vector<std::pair<uint16_t, std::shared_ptr<const ErrorPage>>> pages_;
};

}  // namespace cardea::l7::policy
