// Rows of what a route, or a service for what no route of its matches, does with requests in place of sending them to a
// pool: `redirect`, `respond` and `files`.
#include "conf/schema_sections.h"

namespace cardea::conf {

using namespace std::chrono_literals;

const char* how_paths_are_made() {
  return "Groups are of the path as it is compared: dot segments resolved, percent-encodings as they came. In a query, what would end a "
         "value there is encoded, so that a group is one value. The client's query goes along: behind \"&\" where the template has a query, and "
         "not at all where it ends with \"?\". Where groups come together to \"..\" or to half of a percent-encoding the client is answered 400, and "
         "logged as path_made. An expression whose groups are used has at most 16 of them and 100 steps, since finding them costs its steps "
         "times the path's length. ${path:1} can stand in header changes, keys and other texts with variables too.";
}

const Section& redirect_section() {
  static const Section section = section_of<Redirect>(
      "redirect", "",
      {
          value("status", &Redirect::status, redirect_status(),
                {.prose = "Status of the answer: 301 and 308 are for good and remembered by browsers, 302, 303 and 307 "
                          "for now; behind 307 and 308 the method stays, behind 303 it is GET, behind the others "
                          "clients make a GET of a POST."}),
          value("scheme", &Redirect::scheme,
                word<Scheme>({{"http", Scheme::kHttp, "plain"}, {"https", Scheme::kHttps, "TLS"}}),
                {.prose = "Scheme that the client is sent to.",
                 .example = "scheme = \"https\";",
                 .unset = "the one it came by"}),
          value("host", &Redirect::host, host_name(),
                {.prose = "Host that the client is sent to.",
                 .example = "host = \"www.shop.com\";",
                 .unset = "the one it asked for; who asked for none (HTTP/1.0) gets 400"}),
          value("port", &Redirect::port, number<uint16_t>(1, 65535),
                {.prose = "Port that the client is sent to.",
                 .example = "port = 8443;",
                 .unset = "where the scheme stays, the one it asked for; else the new scheme's own"}),
          value(
              "path", &Redirect::path, made_path(),
              {.prose = "Path in place of the whole one, with groups of path_regex as rewrite.path has them.",
               .example = "path = \"/sorry\";",
               .unset = "the path stays"}),
          value("prefix", &Redirect::prefix, target_path(),
                {.prose = "What stands in the path in place of what the route's path matched; not beside \"path\".",
                 .example = "prefix = \"/v2/\";",
                 .unset = "the path stays"}),
          value("keep_query", &Redirect::keep_query, boolean(), {.prose = "Whether the query goes along."}),
      });
  return section;
}

const Section& respond_section() {
  static const Section section = section_of<Respond>(
      "respond", "",
      {
          value("status", &Respond::status, number<uint16_t>(200, 599), {.prose = "Status of the answer."}),
          value("content_type", &Respond::content_type, header_text(128),
                {.prose = "Its Content-Type, where it has a body; \"\" sends none.",
                 .example = "content_type = \"text/html; charset=utf-8\";"}),
          value("body", &Respond::body, text(64 << 10),
                {.prose = "Its body; \"\\n\" is a line's end.",
                 .example = "body = \"User-agent: *\\nDisallow: /\\n\";",
                 .unset = "an empty one"}),
      });
  return section;
}

const Section& files_section() {
  static const Section section = section_of<Files>(
      "files", "",
      {
          value("root", &Files::root, file_path("/srv/www"),
                {.prose = "The folder whose files are sent: the path that is asked for, below it. It may be a link that a "
                          "deployment moves; links inside are followed as long as they stay below it. Files and folders "
                          "that begin with a \".\" are not sent, but for those of /.well-known/. The user cardea-l7 has "
                          "to be able to read it. A reload that names a folder which is not there is refused.",
                 .example = "root = \"/srv/www\";",
                 .required = true}),
          value("prefix", &Files::prefix, target_path(),
                {.prose = "What stands in the path in place of what the route's path matched, before it is looked for.",
                 .example = "prefix = \"/\";",
                 .unset = "the whole path is looked for"}),
          value("index", &Files::index, name(64), {.prose = "The file that is sent for a path that ends with \"/\"."}),
          value("fallback", &Files::fallback, target_path(),
                {.prose = "The file that is sent, with 200, where the path has none: for applications that read the path "
                          "in the browser.",
                 .example = "fallback = \"/index.html\";",
                 .unset = "404"}),
          value("precompressed", &Files::precompressed, boolean(),
                {.prose = "Whether NAME.br, NAME.zst or NAME.gz is sent in place of NAME to clients that take it."}),
          value("max_age", &Files::max_age, duration(0ms, 8760h),
                {.prose = "How long clients and caches may use a file without asking: Cache-Control's max-age.",
                 .example = "max_age = \"720h\";",
                 .unset = "nothing is said; they ask by ETag and Last-Modified"}),
      });
  return section;
}

}  // namespace cardea::conf
