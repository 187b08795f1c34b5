#include "l7/plan/load_actions.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/files/media_types.h"
#include "l7/http/authority.h"
#include "l7/http/byte_set.h"
#include "l7/policy/named_files.h"

namespace cardea::l7::plan_detail {
namespace {

std::string text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string() : text->str();
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_path(std::string_view path) {
  return path.empty() || (path.starts_with('/') && http::kPathBytes.holds_all(path));
}

bool is_host(const std::string& host) {
  const auto read = http::parse_authority(host);
  return host.empty() || (read && read->port == 0 && read->text == host);
}

// A pool that is asked in two ways gives two answers: they are told apart by this. Of two routes that put the same
// prefix in place of paths of theirs, a URL is two requests to the backend where both paths begin it.
std::string origin_of(std::string_view pool, const route::Proxy& proxy, std::string_view path) {
  std::string origin(pool);
  const std::string& in_place = proxy.made.empty() ? proxy.prefix : proxy.made.text();
  if (!proxy.host.empty() || !in_place.empty()) origin += "\n" + proxy.host + "\n" + in_place;
  if (!in_place.empty()) origin.append("\n").append(path);
  return origin;
}

Result<> add_shares(route::Proxy& to, const image::Proxy& from, const image::Plan& plan, std::string_view path) {
  for (const image::Share* share : *from.shares()) {
    if (share->pool() >= plan.pools()->size())
      return fail(fmt::format("names pool {}, but there are {}", share->pool(), plan.pools()->size()));
    const auto pool = plan.pools()->Get(share->pool())->name()->string_view();
    to.shares.push_back({share->pool(), share->weight(), origin_of(pool, to, path)});
  }
  if (to.weights() == 0) return fail("sends to no pool");
  return {};
}

// Empty where there is no text.
Result<PathTemplate> made_of(const flatbuffers::String* text, const Pattern* groups) {
  if (text == nullptr || text->size() == 0) return PathTemplate();
  return PathTemplate::parse(text->string_view(), groups);
}

Result<route::Action> proxy_of(const image::Proxy& from, const Pattern* groups, const image::Plan& plan, std::string_view path) {
  if (from.cache() >= int64_t(plan.caches()->size()))
    return fail(fmt::format("names cache {}, but there are {}", from.cache(), plan.caches()->size()));
  if (from.split_by() > image::SplitBy::MAX) return fail("splits by what is not known");
  route::Proxy to{{},
                  from.split_by() == image::SplitBy::client,
                  std::max(from.cache(), -1),
                  text_of(from.host()),
                  text_of(from.prefix()),
                  {}};
  if (!is_host(to.host) || !is_path(to.prefix)) return fail(fmt::format("rewrites to \"{}{}\"", to.host, to.prefix));
  auto made = made_of(from.path(), groups);
  if (!made) return std::unexpected(std::move(made.error()).in("rewrites to a path"));
  to.made = std::move(*made);
  if (auto added = add_shares(to, from, plan, path); !added) return std::unexpected(std::move(added.error()));
  return to;
}

Result<> check(const route::Redirect& to) {
  constexpr uint16_t kStatuses[] = {301, 302, 303, 307, 308};
  if (std::ranges::find(kStatuses, to.status) == std::end(kStatuses))
    return fail(fmt::format("redirects with the status {}", to.status));
  if (!to.scheme.empty() && to.scheme != "http" && to.scheme != "https")
    return fail(fmt::format("redirects to the scheme \"{}\"", to.scheme));
  if (!is_host(to.host)) return fail(fmt::format("redirects to the host \"{}\"", to.host));
  if (!is_path(to.prefix) || (!to.made.empty() && !to.prefix.empty()))
    return fail(fmt::format("redirects to the path \"{}{}\"", to.made.text(), to.prefix));
  return {};
}

Result<route::Action> redirect_of(const image::Redirect& from, const Pattern* groups) {
  auto made = made_of(from.path(), groups);
  if (!made) return std::unexpected(std::move(made.error()).in("redirects to a path"));
  route::Redirect to{from.status(),    text_of(from.scheme()), text_of(from.host()), from.port(),
                     std::move(*made), text_of(from.prefix()), from.keeps_query()};
  if (auto sound = check(to); !sound) return std::unexpected(std::move(sound.error()));
  return to;
}

Result<route::Action> respond_of(const image::Respond& from) {
  route::Respond to{from.status(), text_of(from.content_type()), text_of(from.body())};
  if (to.status < 200 || to.status > 599) return fail(fmt::format("responds with the status {}", to.status));
  if (!is_visible(to.content_type)) return fail("responds with a content type of more than one line");
  const bool bodiless = to.status == 204 || to.status == 205 || to.status == 304;
  if (bodiless && !to.body.empty()) return fail(fmt::format("responds with the status {} and a body", to.status));
  return to;
}

// A file's name beneath the root, as an operator wrote it.
bool is_below(const std::string& name) {
  return !name.starts_with('/') && !name.ends_with('/') && name.find('\0') == name.npos &&
         ("/" + name + "/").find("/../") == std::string::npos;
}

Result<> check(const route::Files& to) {
  if (!to.root.starts_with('/')) return fail(fmt::format("sends files of \"{}\", which is no absolute path", to.root));
  if (!is_path(to.prefix)) return fail(fmt::format("puts \"{}\" before files' names", to.prefix));
  if (!is_below(to.index) || to.index.find('/') != to.index.npos || !is_below(to.fallback))
    return fail(fmt::format("sends \"{}\" or \"{}\", which are no names beneath its root", to.index, to.fallback));
  return {};
}

Result<route::Action> files_of(const image::Files& from, std::shared_ptr<const files::MediaTypes>& types) {
  route::Files to{.root = text_of(from.root()),
                  .prefix = text_of(from.prefix()),
                  .index = text_of(from.index()),
                  .fallback = text_of(from.fallback()),
                  .cache_control = from.max_age_s() < 0 ? "" : fmt::format("max-age={}", from.max_age_s()),
                  .precompressed = from.precompressed(),
                  .types = {}};
  if (auto sound = check(to); !sound) return std::unexpected(std::move(sound.error()));
  if (!types) {
    auto read = files::MediaTypes::read(files::kSystemsMediaTypes);
    if (!read) return std::unexpected(std::move(read.error()));
    types = std::move(*read);
  }
  to.types = types;
  return to;
}

using Texts = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

// No such line begins as a host or a path does.
void add_changes(std::string& to, char how, const Texts* texts) {
  if (texts == nullptr) return;
  for (const flatbuffers::String* text : *texts) to.append("\n").append(1, how).append(text->string_view());
}

// A credential that is checked here, by its header: it goes no further, or nothing that passes for it does.
template <typename Part>
void add_checked(std::string& to, char how, const Part* part, std::string_view header) {
  if (part != nullptr) to.append("\n").append(1, how).append(part->forward() ? ">" : "").append(header);
}

// What policies change of a request's headers: where it is the same, the same is made of equal requests, but for
// variables' values.
std::string changes_of(const settings::Policies& policies) {
  std::string out;
  if (const settings::HeaderEdits* edits = policies.request_headers()) {
    add_changes(out, '-', edits->remove());
    add_changes(out, '=', edits->set());
    add_changes(out, '+', edits->add());
    add_changes(out, '?', edits->if_absent());
  }
  const settings::Jwt* const jwt = policies.jwt();
  const settings::ApiKeys* const keys = policies.api_keys();
  if (policies.forward_auth() != nullptr) add_changes(out, '^', policies.forward_auth()->answer_headers());
  add_checked(out, '!', policies.basic_auth(), "");
  add_checked(out, '#', jwt, jwt != nullptr ? text_of(jwt->header()) : "");
  add_checked(out, '&', keys, keys != nullptr ? text_of(keys->header()) : "");
  return out;
}

}  // namespace

void tell_origins_apart(route::Action& action, const settings::Policies* policies) {
  auto* const proxy = std::get_if<route::Proxy>(&action);
  const std::string changes = policies != nullptr ? changes_of(*policies) : std::string();
  if (proxy == nullptr || changes.empty()) return;
  for (route::Share& share : proxy->shares) share.origin.append("\n").append(changes);
}

Result<> find_folder(const route::Files& files) {
  return policy::find_folder(files.root);
}

Result<route::Action> load_action(const image::Route& route, const Pattern* groups, const image::Plan& plan,
                                  std::shared_ptr<const files::MediaTypes>& types) {
  switch (route.action_type()) {
    case image::Action::Proxy:
      return proxy_of(*route.action_as_Proxy(), groups, plan, route.path()->string_view());
    case image::Action::Redirect:
      return redirect_of(*route.action_as_Redirect(), groups);
    case image::Action::Respond:
      return respond_of(*route.action_as_Respond());
    case image::Action::Files:
      return files_of(*route.action_as_Files(), types);
    case image::Action::NONE:
      break;
  }
  return fail("does nothing that is known");
}

}  // namespace cardea::l7::plan_detail
