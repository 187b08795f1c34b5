#include "mgmt/certificate_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <string_view>

#include "base/ip.h"
#include "conf/quote.h"

namespace cardea::mgmt {
namespace {

std::string small(const ASN1_STRING* value) {
  std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)), size_t(ASN1_STRING_length(value)));
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
  return text;
}

// ".shop.com" of "www.shop.com" and of "*.shop.com".
std::string_view below(std::string_view name) {
  const size_t dot = name.find('.');
  return dot == name.npos ? std::string_view{} : name.substr(dot);
}

bool covers(std::string_view name, std::string_view host) {
  if (name == host) return true;
  if (host.starts_with("*.")) return name.ends_with(host.substr(1));
  return name.starts_with("*.") && below(name) == below(host);
}

bool is_asked_for(const std::string& host) {
  return !IpAddress::parse(host) && !host.starts_with('[');
}

conf::Finding uncovered(const conf::Service& service, const conf::Route& route, const std::vector<std::string>& hosts) {
  constexpr size_t kShown = 5;
  std::string named = conf::in_quotes(hosts[0]);
  for (size_t i = 1; i < std::min(hosts.size(), kShown); ++i) named += ", " + conf::in_quotes(hosts[i]);
  if (hosts.size() > kShown) named += fmt::format(" and {} more", hosts.size() - kShown);
  conf::Place place = route.place;
  place.path += ".match.host";
  return {conf::Finding::warning,
          place,
          fmt::format("no certificate of service {} is for {}: clients refuse what they are shown",
                      conf::in_quotes(service.name), named),
          "a certificate with that name in tls.certificates",
          {}};
}

}  // namespace

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i)
    if (const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i); name->type == GEN_DNS)
      names.push_back(small(name->d.dNSName));
  GENERAL_NAMES_free(all);
  if (!names.empty()) return names;
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) names.push_back(small(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return names;
}

conf::Findings look_at_names(const conf::Service& service, const std::vector<std::string>& names) {
  conf::Findings findings;
  for (const conf::Route& route : service.routes) {
    std::vector<std::string> hosts;
    for (const std::string& host : route.match.hosts) {
      const auto is_for = [&](const std::string& name) { return covers(name, host); };
      if (is_asked_for(host) && std::ranges::none_of(names, is_for)) hosts.push_back(host);
    }
    if (!hosts.empty()) findings.push_back(uncovered(service, route, hosts));
  }
  return findings;
}

}  // namespace cardea::mgmt
