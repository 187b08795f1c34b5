// Which file answers a request: the path's, a folder's index, what stands in place of one that is not there, or the same in a
// coding that the client takes.
#pragma once

#include <string_view>

#include "l7/files/kept.h"
#include "l7/proxy/exchange.h"
#include "l7/route/action.h"

namespace cardea::l7::proxy {

// What a route that sends files has for a request.
struct FoundFile {
  std::string_view name;  // the file's, NUL behind it
  files::Kept::File file;
  std::string_view coding;  // Content-Encoding; empty: none
};

Task<Failure> find_file(Exchange& x, const route::Files& files, FoundFile& found);

}  // namespace cardea::l7::proxy
