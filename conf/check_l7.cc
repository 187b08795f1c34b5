// Checks of `l7`, `caches` and what tcp and http services need of them: shards to run on, TCP to listen for, settings
// that their mode knows.
#include <algorithm>
#include <unordered_set>

#include "conf/check_parts.h"
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

bool of_l7(const Service& service) {
  return service.mode != Mode::kL4;
}

std::unordered_set<std::string_view> caches_in_use(const Config& config) {
  std::unordered_set<std::string_view> names;
  for (const Service& service : config.services)
    for (const Route& route : service.routes) names.insert(route.cache);
  return names;
}

void check_shards(Checks& checks, const L7& l7) {
  Unique cpus(checks, "CPU");
  for (size_t i = 0; i < l7.shards.size(); ++i) {
    const std::string path = index_path("l7.shards", i);
    cpus.add(std::to_string(l7.shards[i]), path);
    const auto& dataplane = checks.config.dataplane;
    if (!dataplane || dataplane->poll != Poll::kBusy || std::ranges::count(dataplane->workers, l7.shards[i]) == 0)
      continue;
    checks.report(Finding::warning, path,
                  fmt::format("CPU {} also runs a worker of the dataplane that never sleeps", l7.shards[i]),
                  "CPUs that are in only one of dataplane.workers and l7.shards");
  }
}

// Of a document without services nobody else finds fault with that; of an empty one, say.
void check_anything(Checks& checks) {
  const Config& config = checks.config;
  const Places& places = checks.places;
  if (config.dataplane || config.l7 || !config.services.empty()) return;
  if (places.spoilt("dataplane") || places.spoilt("l7") || places.spoilt("services")) return;
  checks.report(Finding::error, "", "there is neither a dataplane nor an l7 section: nothing says where to serve",
                "a group dataplane: { … }; for packets, or l7: { … }; for tcp and http services");
}

// A log and a service may name no log twice, and a service none that is not there.
void check_logs(Checks& checks, const L7& l7) {
  Unique names(checks, "name of an access log"), files(checks, "the file");
  if (!l7.access_log.empty()) names.add(in_quotes("access_log"), "l7.access_log");
  if (l7.access_log.starts_with('/')) files.add(l7.access_log, "l7.access_log");
  for (const AccessLog& log : l7.access_logs) {
    if (!log.name.empty()) names.add(in_quotes(log.name), log.place.path + ".name");
    if (log.name == "none")
      checks.report(Finding::error, log.place.path + ".name", "\"none\" is what services say that have no log",
                    "another name");
    const bool file = log.to.starts_with('/');
    if (file) files.add(log.to, log.place.path + ".to");
    if (!file && log.rotate_size != 0)
      checks.report(Finding::warning, log.place.path + ".rotate_size", "has no effect on what is no file");
  }
}

void check_logs_of(Checks& checks, const L7& l7, const Service& service) {
  Names known;
  if (!l7.access_log.empty()) known.add("access_log");
  for (const AccessLog& log : l7.access_logs) known.add(log.name);
  known.add("none");
  const std::string path = service.place.path + ".access_logs";
  if (service.access_logs.size() > 1 && std::ranges::find(service.access_logs, "none") != service.access_logs.end())
    checks.report(Finding::error, path, "\"none\" stands beside others", "\"none\" alone, or the others");
  for (size_t i = 0; i < service.access_logs.size(); ++i)
    check_reference(checks, service.access_logs[i], known, "access log",
                    index_path(path, i));
}

void check_present(Checks& checks) {
  const auto first = std::ranges::find_if(checks.config.services, of_l7);
  if (first == checks.config.services.end() || checks.config.l7 || checks.places.spoilt("l7")) return;
  checks.report(Finding::error, first->place.path + ".mode",
                "tcp and http services are served by cardea-l7, and nothing says on which CPUs",
                "a group: l7: { shards = [0]; };");
}

void check_caches(Checks& checks) {
  static const Row *memory = find_row("caches[].memory"), *object_max = find_row("caches[].object_max");
  const auto used = caches_in_use(checks.config);
  Unique names(checks, "cache name");
  for (const Cache& cache : checks.config.caches) {
    if (!cache.name.empty()) names.add(in_quotes(cache.name), cache.place.path + ".name");
    if (cache.object_max > cache.memory && !checks.places.spoilt(cache.place.path)) {
      checks.report(Finding::error, cache.place.path + ".object_max",
                    fmt::format("an object of {} has no room in a cache of {}", object_max->values(&cache).front(),
                                memory->values(&cache).front()),
                    "an object_max no larger than memory");
    }
    if (cache.name.empty() || checks.places.spoilt("services") || used.contains(cache.name)) continue;
    checks.report(Finding::hint, cache.place.path, fmt::format("no route uses cache {}", in_quotes(cache.name)));
  }
}

void check_protocols(Checks& checks, const Service& service) {
  for (size_t i = 0; i < service.listen.size(); ++i) {
    if (service.listen[i].protocol == Protocol::kTcp) continue;
    const std::string all = service.place.path + ".listen";
    const std::string path = checks.places.written(index_path(all, i)) ? index_path(all, i) : all;
    checks.report(Finding::error, path, "tcp and http services listen for TCP only",
                  "an address that ends in /tcp, or a service of mode \"l4\"");
  }
}

// What a service of this mode cannot do is refused where it is a part of it, and idle where it is a number.
void check_mode(Checks& checks, const Service& service) {
  const std::string& path = service.place.path;
  const std::string where = fmt::format("a service of mode {}", in_quotes(name(service.mode)));
  for (const Row* row : service_section().misplaced(service.mode)) {
    const std::string here = join_path(path, row->name);
    if (row->section == nullptr) {
      check_idle(checks, path, {row->name.c_str()}, where);
    } else if (checks.places.written(here)) {
      checks.report(Finding::error, here, "cannot be had with " + where, words_of(row->facts.only));
    }
  }
  if (service.mode != Mode::kTcp) return;
  if (service.tls && !service.routes.empty())
    checks.report(Finding::error, path + ".routes",
                  "cannot be had with tls: what is passed through by routes does not end here",
                  "a service with one of the two");
  const bool begins = service.tls || service.proxy_protocol || !service.routes.empty();
  if (!begins) check_idle(checks, path, {"request_timeout"}, where);
}

bool unspecified(const Listen& listen) {
  return listen.endpoint.address == IpAddress{} || listen.endpoint.address == IpAddress::v4(0);
}

// Who says it where: the service, or the host for it.
std::string transport_path(const Service& service) {
  return service.transport ? service.place.path + ".transport" : "l7.transport";
}

void check_transport(Checks& checks, const Service& service) {
  if (transport_of(checks.config, service) == Transport::kKernel) return;
  if (!checks.config.dataplane && !checks.places.spoilt("dataplane"))
    return checks.report(Finding::error, transport_path(service),
                         "our own TCP gets its packets from the dataplane, and there is none",
                         "a dataplane section, or transport = \"kernel\";");
  if (std::ranges::any_of(service.listen, unspecified))
    checks.report(Finding::error, service.place.path + ".listen",
                  "a service that our own TCP serves listens on addresses that it names",
                  "the addresses themselves, or transport = \"kernel\"; for this service");
}

void check_tls(Checks& checks, const Service& service) {
  constexpr uint16_t kHttps = 443;
  if (service.tls) {
    Unique certificates(checks, "certificate");
    for (const Certificate& certificate : service.tls->certificates)
      if (!certificate.cert.empty()) certificates.add(in_quotes(certificate.cert), certificate.place.path + ".cert");
    return;
  }
  const auto secure = [](const Listen& listen) { return listen.endpoint.port == kHttps; };
  if (service.mode != Mode::kHttp || std::ranges::none_of(service.listen, secure)) return;
  if (checks.places.written(service.place.path + ".tls")) return;
  checks.report(Finding::warning, service.place.path + ".listen",
                "clients speak TLS to port 443, and the service has no certificate",
                "tls: { certificates = ( { cert = …; key = …; } ); };");
}

}  // namespace

void check_l7(Checks& checks) {
  check_anything(checks);
  check_present(checks);
  if (checks.config.l7) check_shards(checks, *checks.config.l7);
  if (checks.config.l7) check_logs(checks, *checks.config.l7);
  if (checks.config.l7 && checks.config.l7->geo) check_geo(checks, *checks.config.l7->geo);
  check_geo_keys(checks);
  check_caches(checks);
  for (const Service& service : checks.config.services) {
    if (checks.unsure.contains(&service)) continue;
    check_mode(checks, service);
    if (!of_l7(service)) continue;
    check_protocols(checks, service);
    if (checks.config.l7) check_logs_of(checks, *checks.config.l7, service);
    check_tls(checks, service);
    check_transport(checks, service);
  }
  const bool idle = checks.config.l7 && checks.unsure.empty() && std::ranges::none_of(checks.config.services, of_l7);
  if (idle && !checks.places.spoilt("services"))
    checks.report(Finding::hint, "l7", "no service is of mode tcp or http: cardea-l7 has nothing to do");
}

}  // namespace cardea::conf
