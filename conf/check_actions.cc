// Checks of what routes, and services for the rest, do with requests: exactly one thing, and one that leads somewhere.
#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

void check_one(Checks& checks, const Acting& acting) {
  const int count = !acting.pool.empty() + acting.splits + acting.redirect.has_value() + acting.respond.has_value() +
                    acting.files.has_value();
  if (count <= 1) return;
  const char* const where = acting.files      ? ".files"
                            : acting.respond  ? ".respond"
                            : acting.redirect ? ".redirect"
                                              : ".split";
  checks.report(Finding::error, acting.place.path + where,
                "one of pool, split, redirect, respond and files can be done with a request, and not two",
                "one of them");
}

// Without an end: the client is sent where it came from.
void check_circle(Checks& checks, const Service& service, const Redirect& to) {
  const bool came_by_tls = service.tls.has_value(),
             leaves_by_tls = to.scheme ? *to.scheme == Scheme::kHttps : came_by_tls;
  const bool moves =
      came_by_tls != leaves_by_tls || !to.host.empty() || to.port || !to.path.empty() || !to.prefix.empty();
  if (moves) return;
  checks.report(Finding::error, to.place.path,
                fmt::format("clients of this {} service are sent where they came from, in a circle",
                            came_by_tls ? "https" : "http"),
                "another scheme than the service's, or a host, port, path or prefix");
}

void check_redirect(Checks& checks, const Service& service, const Redirect& to) {
  check_circle(checks, service, to);
  if (to.path.empty() || to.prefix.empty()) return;
  checks.report(Finding::error, to.place.path + ".prefix", "the path is replaced as a whole already",
                "a path, or a prefix");
}

void check_respond(Checks& checks, const Respond& with) {
  const bool bodiless = with.status == 204 || with.status == 205 || with.status == 304;
  if (!bodiless || with.body.empty()) return;
  checks.report(Finding::error, with.place.path + ".body", fmt::format("an answer {} has no body", with.status),
                "another status, or no body");
}

// Whether the folder is there, cardea-l7 sees: `check` may run on another host.
void check_files(Checks& checks, const Files& files) {
  const bool folder = files.fallback.ends_with('/'), leads_up = (files.fallback + "/").find("/../") != std::string::npos;
  if (!folder && !leads_up) return;
  checks.report(Finding::error, files.place.path + ".fallback",
                folder ? "a folder cannot be sent" : "it leads out of the folder",
                "a file's path below root, such as \"/index.html\"");
}

}  // namespace

void check_action(Checks& checks, const Service& service, const Acting& acting) {
  check_one(checks, acting);
  if (acting.redirect) check_redirect(checks, service, *acting.redirect);
  if (acting.respond) check_respond(checks, *acting.respond);
  if (acting.files) check_files(checks, *acting.files);
}

}  // namespace cardea::conf
