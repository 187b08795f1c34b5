#include "tests/unit/l7/http2/backend.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cardea::l7::http2::test {
namespace {

uint8_t* bytes_of(const std::string& text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

std::vector<nghttp2_nv> list_of(const Fields& fields) {
  std::vector<nghttp2_nv> list;
  for (const auto& [name, value] : fields) {
    list.push_back({bytes_of(name), bytes_of(value), name.size(), value.size(), 0});
  }
  return list;
}

Fields with_status(const std::string& status, const Fields& fields) {
  Fields all{{":status", status}};
  all.insert(all.end(), fields.begin(), fields.end());
  return all;
}

}  // namespace

std::string Asked::value(std::string_view name) const {
  for (const auto& [its, value] : fields) {
    if (its == name) return value;
  }
  return "";
}

struct Backend::Callbacks {
  static Backend& of(void* user) { return *static_cast<Backend*>(user); }

  static int field(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                   const uint8_t* value, size_t value_size, uint8_t, void* user) {
    Asked& asked = of(user).asked_[frame->hd.stream_id];
    (asked.head ? asked.trailers : asked.fields)
        .emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                      std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Backend& self = of(user);
    const int32_t stream = frame->hd.stream_id;
    if (frame->hd.type == NGHTTP2_GOAWAY) self.goaway_ = frame->goaway.error_code;
    if (frame->hd.type == NGHTTP2_PING && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) ++self.pings_;
    if (frame->hd.type == NGHTTP2_RST_STREAM) self.asked_[stream].reset = frame->rst_stream.error_code;
    if (frame->hd.type == NGHTTP2_HEADERS && !std::exchange(self.asked_[stream].head, true)) {
      self.came_.push_back(stream);
    }
    const bool has_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (has_end && frame->hd.flags & NGHTTP2_FLAG_END_STREAM) self.asked_[stream].ended = true;
    return 0;
  }
  static int data(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes, size_t size, void* user) {
    of(user).asked_[stream].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int close(nghttp2_session*, int32_t stream, uint32_t, void* user) {
    of(user).asked_[stream].closed = true;
    return 0;
  }
  static ssize_t body(nghttp2_session* session, int32_t stream, uint8_t* into, size_t room, uint32_t* flags,
                      nghttp2_data_source*, void* user) {
    Body& body = of(user).bodies_[stream];
    const size_t size = std::min(room, body.bytes.size());
    std::copy_n(body.bytes.begin(), size, into);
    body.bytes.erase(0, size);
    if (body.bytes.empty() && body.ends) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!body.trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const auto list = list_of(body.trailers);
        nghttp2_submit_trailer(session, stream, list.data(), list.size());
      }
    } else if (size == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return ssize_t(size);
  }
};

Backend::Backend(proxy::test::Site& site, proxy::test::Origin& origin, const Settings& settings)
    : loop_(site.loop()), peer_(origin.accept()) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::field);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::close);
  nghttp2_session* made = nullptr;
  nghttp2_session_server_new(&made, callbacks, this);
  session_.reset(made);
  nghttp2_session_callbacks_del(callbacks);
  set(settings);
}

void Backend::set(const Settings& settings) {
  nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  flush();
}

int32_t Backend::next() {
  EXPECT_TRUE(until([&] { return !came_.empty() || peer_.ended(); })) << "nobody asks";
  if (came_.empty()) return 0;
  const int32_t stream = came_.front();
  came_.pop_front();
  return stream;
}

bool Backend::nobody_asks() {
  proxy::test::settle(loop_);
  pull();
  return came_.empty();
}

const Asked& Backend::whole(int32_t stream) {
  EXPECT_TRUE(until([&] { return asked_[stream].ended || asked_[stream].closed; })) << "stream " << stream;
  return asked_[stream];
}

const Asked& Backend::over(int32_t stream) {
  EXPECT_TRUE(until([&] { return asked_[stream].closed; })) << "stream " << stream;
  return asked_[stream];
}

const Asked& Backend::so_far(int32_t stream) {
  proxy::test::settle(loop_);
  pull();
  return asked_[stream];
}

void Backend::inform(int32_t stream, const std::string& status, const Fields& fields) {
  const Fields all = with_status(status, fields);
  const auto list = list_of(all);
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, list.data(), list.size(), nullptr);
  flush();
}

void Backend::answer(int32_t stream, const std::string& status, const Fields& fields, bool ends) {
  const Fields all = with_status(status, fields);
  const auto list = list_of(all);
  const nghttp2_data_provider provider{.source = {.ptr = nullptr}, .read_callback = Callbacks::body};
  nghttp2_submit_response(session_.get(), stream, list.data(), list.size(), ends ? nullptr : &provider);
  flush();
}

void Backend::answer_with(int32_t stream, const std::string& status, const Fields& fields, std::string_view body) {
  answer(stream, status, fields, false);
  send_body(stream, body, true);
}

void Backend::send_body(int32_t stream, std::string_view bytes, bool ends) {
  bodies_[stream].bytes.append(bytes);
  bodies_[stream].ends = ends;
  nghttp2_session_resume_data(session_.get(), stream);
  flush();
}

void Backend::end_with(int32_t stream, const Fields& trailers) {
  bodies_[stream].trailers = trailers;
  send_body(stream, "", true);
}

void Backend::reset(int32_t stream, uint32_t code) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, code);
  flush();
}

void Backend::go_away(int32_t last, uint32_t code) {
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, code, nullptr, 0);
  flush();
}

void Backend::flush() {
  const uint8_t* bytes = nullptr;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_.get(), &bytes)) > 0;)
    peer_.send({reinterpret_cast<const char*>(bytes), size_t(size)});
}

void Backend::pull() {
  const std::string came = peer_.what_came();
  nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(came.data()), came.size());
  flush();
}

bool Backend::closed() {
  const bool ended = peer_.ended();
  pull();
  return ended;
}

bool Backend::until(const std::function<bool()>& done) {
  return proxy::test::run_until(loop_, [&] {
    pull();
    return done();
  });
}

}  // namespace cardea::l7::http2::test
