#include "l7/policy/policies.h"

namespace cardea::l7::policy {
namespace {

// What one of them was written as, made into what is used; left as it is where nothing was written.
template <typename Written, typename Made, typename... More>
Result<> read_into(Made& made, const std::unique_ptr<Written>& written, const char* name, More&&... more) {
  if (!written) return {};
  auto read = Made::read(*written, more...);
  if (!read) return std::unexpected(std::move(read.error()).in(name));
  made = std::move(*read);
  return {};
}

Result<> find_limits(RateLimits& to, const std::vector<std::string>& names, const RateLimits& limits) {
  for (const std::string& name : names) {
    auto limit = find(limits, name);
    if (!limit) return fail("there is no rate limit \"" + name + "\"");
    to.push_back(std::move(limit));
  }
  return {};
}

// A header that is made nothing of further on goes no further. Where it goes on, nothing that passes for it does: as with
// one that is set, and this one is to what it is already. Of headers that are known by number nothing ever does.
void pass_on(settings::PoliciesT& written, const std::string& name, bool forward) {
  if (forward && http::header_id(name) != http::HeaderId::kOther) return;
  auto& edits = written.request_headers;
  if (!edits) edits = std::make_unique<settings::HeaderEditsT>();
  if (forward) {
    edits->if_absent.push_back(name + ": ${header:" + name + "}");
  } else {
    edits->remove.push_back(name);
  }
}

// Before what is changed of headers is read.
void pass_on_what_was_asked(settings::PoliciesT& written) {
  const auto or_else = [](const std::string& name, const char* unset) { return name.empty() ? unset : name; };
  if (written.basic_auth) pass_on(written, "Authorization", written.basic_auth->forward);
  if (written.api_keys) pass_on(written, or_else(written.api_keys->header, "X-API-Key"), written.api_keys->forward);
  if (written.jwt && written.jwt->cookie.empty()) pass_on(written, or_else(written.jwt->header, "Authorization"), written.jwt->forward);
}

Result<> read_jwt(Policies& to, const std::unique_ptr<settings::JwtT>& written, FileBook& files) {
  if (!written) return {};
  auto jwt = files.jwt(*written);
  if (!jwt) return std::unexpected(std::move(jwt.error()).in("jwt"));
  to.jwt = std::move(*jwt);
  return {};
}

Result<> read_waf(Policies& to, const std::unique_ptr<settings::WafT>& written) {
  if (!written) return {};
  auto waf = Waf::read(*written);
  if (!waf) return std::unexpected(std::move(waf.error()).in("waf"));
  to.waf = std::make_shared<const Waf>(std::move(*waf));
  return {};
}

Result<> read_pages(ErrorPages& to, const std::vector<std::unique_ptr<settings::ErrorPageT>>& written, FileBook& files) {
  for (const auto& one : written) {
    auto page = files.page(one->file, one->content_type);
    if (!page) return std::unexpected(std::move(page.error()).in("error_pages"));
    to.add(one->status, std::move(*page));
  }
  return {};
}

// The same for the same settings, and for others another.
std::string text_of(const settings::ForwardAuthT& settings) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(settings::ForwardAuth::Pack(builder, &settings));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

}  // namespace

std::shared_ptr<const Policies> Policies::none() {
  static const auto none = std::make_shared<const Policies>();
  return none;
}

Result<std::shared_ptr<Policies>> Policies::read(const settings::PoliciesT& written, const RateLimits& limits,
                                                 FileBook& files) {
  auto to = std::make_shared<Policies>();
  for (Result<> done :
       {read_into(to->request_headers, written.request_headers, "request_headers", Moment::kRequest),
        read_into(to->response_headers, written.response_headers, "response_headers", Moment::kResponse),
        read_into(to->trusted_proxies, written.trusted_proxies, "trusted_proxies"),
        read_into(to->access, written.access, "access", files), read_into(to->cors, written.cors, "cors"),
        read_into(to->basic_auth, written.basic_auth, "basic_auth", files), read_into(to->compression, written.compress, "compress"),
        read_into(to->api_keys, written.api_keys, "api_keys", files), read_jwt(*to, written.jwt, files), find_limits(to->rate_limits, written.rate_limits, limits),
        read_waf(*to, written.waf), read_pages(to->error_pages, written.error_pages, files)})
    if (!done) return std::unexpected(std::move(done.error()));
  to->forwarded = written.forwarded == settings::Forwarded::on;
  to->response_headers.add_security(written.security_headers);
  if (written.request_buffering && written.request_buffering->enabled) to->buffered_bytes = written.request_buffering->bytes;
  for (const std::string& link : written.early_hints) to->early_hints += "Link: " + link + "\r\n";
  if (!to->cors.empty())
    for (const std::string_view name : kCorsHeaders) to->response_headers.drop(name);
  return to;
}

// What clients write where the service is believed goes no further.
Result<> PolicyBook::add_forward_auth(Policies& to, const settings::PoliciesT& written) {
  if (!written.forward_auth) return {};
  auto& known = asked_[text_of(*written.forward_auth)];
  if (!known) {
    auto read = ForwardAuth::read(*written.forward_auth, pools_);
    if (!read) return std::unexpected(std::move(read.error()).in("forward_auth"));
    known = std::make_shared<const ForwardAuth>(std::move(*read));
  }
  to.forward_auth = known;
  for (const std::string& name : known->answer_headers) to.request_headers.drop(name);
  return {};
}

Result<> PolicyBook::add_mirror(Policies& to, const settings::PoliciesT& written) const {
  if (!written.mirror) return {};
  auto read = Mirror::read(*written.mirror, pools_);
  if (!read) return std::unexpected(std::move(read.error()).in("mirror"));
  to.mirror = std::move(*read);
  return {};
}

Result<std::shared_ptr<const Policies>> PolicyBook::read(const settings::Policies* from) {
  if (from == nullptr) return Policies::none();
  auto& known = known_[from];
  if (known) return known;
  settings::PoliciesT written;
  from->UnPackTo(&written);
  pass_on_what_was_asked(written);
  auto made = Policies::read(written, limits_, files_);
  if (!made) return std::unexpected(std::move(made.error()));
  if (auto added = add_forward_auth(**made, written); !added) return std::unexpected(std::move(added.error()));
  if (auto added = add_mirror(**made, written); !added) return std::unexpected(std::move(added.error()));
  if (const auto& waf = (*made)->waf) waf_sets_.emplace(waf->rules, waf->files);
  return known = std::move(*made);
}

std::vector<std::vector<std::string>> PolicyBook::waf_sets() const {
  std::vector<std::vector<std::string>> sets;
  for (const auto& [id, files] : waf_sets_) sets.push_back(files);
  return sets;
}

}  // namespace cardea::l7::policy
