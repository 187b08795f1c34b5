#include "tests/unit/l7/http2/backend.h"

#include <gtest/gtest.h>

#include <utility>

namespace cardea::l7::http2::test {
namespace {

Fields with_status(const std::string& status, const Fields& fields) {
  Fields all{{":status", status}};
  all.insert(all.end(), fields.begin(), fields.end());
  return all;
}

}  // namespace

struct Backend::Callbacks {
  static Backend& of(void* user) { return *static_cast<Backend*>(static_cast<SessionEnd*>(user)); }

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
};

Backend::Backend(proxy::test::Site& site, proxy::test::Origin& origin, const Settings& settings)
    : SessionEnd(site.loop(), origin.accept()) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::field);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::close);
  nghttp2_session* made = nullptr;
  nghttp2_session_server_new(&made, callbacks, static_cast<SessionEnd*>(this));
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
  const nghttp2_data_provider body = provider();
  nghttp2_submit_response(session_.get(), stream, list.data(), list.size(), ends ? nullptr : &body);
  flush();
}

void Backend::answer_with(int32_t stream, const std::string& status, const Fields& fields, std::string_view body) {
  answer(stream, status, fields, false);
  send_body(stream, body, true);
}

void Backend::go_away(int32_t last, uint32_t code) {
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, code, nullptr, 0);
  flush();
}

}  // namespace cardea::l7::http2::test
