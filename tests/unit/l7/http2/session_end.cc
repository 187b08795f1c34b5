#include "tests/unit/l7/http2/session_end.h"

#include <algorithm>

namespace cardea::l7::http2::test {
namespace {

uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

}  // namespace

std::string value_of(const Fields& fields, std::string_view name) {
  for (const auto& [its, value] : fields) {
    if (its == name) return value;
  }
  return "";
}

std::vector<nghttp2_nv> list_of(const Fields& fields) {
  std::vector<nghttp2_nv> list;
  for (const auto& [name, value] : fields)
    list.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), 0});
  return list;
}

ssize_t SessionEnd::read_body(nghttp2_session* session, int32_t stream, uint8_t* into, size_t room, uint32_t* flags,
                              nghttp2_data_source*, void* user) {
  Body& body = static_cast<SessionEnd*>(user)->bodies_[stream];
  const size_t size = std::min(room, body.bytes.size());
  std::copy_n(body.bytes.begin(), size, into);
  body.bytes.erase(0, size);
  if (!body.bytes.empty() || !body.ends) return size == 0 ? ssize_t{NGHTTP2_ERR_DEFERRED} : ssize_t(size);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!body.trailers.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const auto list = list_of(body.trailers);
    nghttp2_submit_trailer(session, stream, list.data(), list.size());
  }
  return ssize_t(size);
}

void SessionEnd::send_body(int32_t stream, std::string_view bytes, bool ends) {
  bodies_[stream].bytes.append(bytes);
  bodies_[stream].ends = ends;
  nghttp2_session_resume_data(session_.get(), stream);
  flush();
}

void SessionEnd::end_with(int32_t stream, const Fields& trailers) {
  bodies_[stream].trailers = trailers;
  send_body(stream, "", true);
}

void SessionEnd::send_reset(int32_t stream, uint32_t code) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, code);
  flush();
}

void SessionEnd::flush() {
  const uint8_t* bytes = nullptr;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_.get(), &bytes)) > 0;)
    peer_.send({reinterpret_cast<const char*>(bytes), size_t(size)});
}

void SessionEnd::pull() {
  const std::string came = peer_.what_came();
  nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(came.data()), came.size());
  flush();
}

bool SessionEnd::closed() {
  const bool ended = peer_.ended();
  pull();  // what came before
  return ended;
}

bool SessionEnd::until(const std::function<bool()>& done) {
  return proxy::test::run_until(loop_, [&] {
    pull();
    return done();
  });
}

}  // namespace cardea::l7::http2::test
