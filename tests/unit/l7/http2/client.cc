#include "tests/unit/l7/http2/client.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cardea::l7::http2::test {

struct Client::Callbacks {
  static Client& of(void* user) { return *static_cast<Client*>(static_cast<SessionEnd*>(user)); }

  static int field(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                   const uint8_t* value, size_t value_size, uint8_t, void* user) {
    Answer& answer = of(user).answers_[frame->hd.stream_id];
    const std::string key(reinterpret_cast<const char*>(name), name_size),
        text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status" && text[0] == '1') {
      answer.informational.push_back(text);
    } else if (key == ":status") {
      answer.status = text;
    } else if (answer.status.empty() && !answer.informational.empty()) {
      answer.hints.emplace_back(key, text);
    } else if (!answer.status.empty()) {
      (frame->headers.cat == NGHTTP2_HCAT_HEADERS && !answer.fields.empty() && answer.body.size() ? answer.trailers
                                                                                                  : answer.fields)
          .emplace_back(key, text);
    }
    return 0;
  }
  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Client& self = of(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      self.goaway_ = frame->goaway.error_code;
      self.goaway_last_ = frame->goaway.last_stream_id;
      ++self.goaways_;
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM) self.answers_[frame->hd.stream_id].reset = frame->rst_stream.error_code;
    const bool has_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (has_end && frame->hd.flags & NGHTTP2_FLAG_END_STREAM) self.answers_[frame->hd.stream_id].ended = true;
    return 0;
  }
  static int data(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* bytes, size_t size, void* user) {
    of(user).answers_[stream].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
};

Client::Client(proxy::test::Site& site, const char* service) : SessionEnd(site.loop(), site.client(service)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::field);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_http_messaging(option, 1);  // a test says what it likes
  nghttp2_session* made = nullptr;
  nghttp2_session_client_new2(&made, callbacks, static_cast<SessionEnd*>(this), option);
  session_.reset(made);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, nullptr, 0);
  flush();
}

int32_t Client::ask(std::string_view path, const Fields& fields, bool ends, std::string_view method) {
  Fields all{{":method", std::string(method)}, {":scheme", "http"}, {":authority", "shop.example"}};
  all.emplace_back(":path", path);
  for (const auto& field : fields) {
    const auto same = [&](const auto& its) { return its.first == field.first && field.first[0] == ':'; };
    std::erase_if(all, same);
  }
  const auto first_plain = [](const auto& field) { return field.first[0] != ':'; };
  for (const auto& field : fields) {
    if (field.first[0] == ':' && !field.second.empty())
      all.insert(std::find_if(all.begin(), all.end(), first_plain), field);
    if (field.first[0] != ':') all.push_back(field);
  }
  const auto list = list_of(all);
  const nghttp2_data_provider body = provider();
  const int32_t stream =
      nghttp2_submit_request(session_.get(), nullptr, list.data(), list.size(), ends ? nullptr : &body, nullptr);
  flush();
  return stream;
}

void Client::give_window(int32_t stream, int32_t bytes) {
  nghttp2_submit_window_update(session_.get(), NGHTTP2_FLAG_NONE, stream, bytes);
  nghttp2_submit_window_update(session_.get(), NGHTTP2_FLAG_NONE, 0, bytes);
  flush();
}

const Answer& Client::answer(int32_t stream) {
  EXPECT_TRUE(until([&] {
    const Answer& so_far = answers_[stream];
    return so_far.ended || so_far.reset || peer_.ended();
  })) << "nothing ended stream "
      << stream;
  pull();  // what came beside the connection's end
  return answers_[stream];
}

const Answer& Client::so_far(int32_t stream) {
  proxy::test::settle(loop_);
  pull();
  return answers_[stream];
}

}  // namespace cardea::l7::http2::test
