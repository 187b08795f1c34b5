#include "l7/http2/session.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "l7/http2/call_stream.h"

namespace cardea::l7::http2 {
namespace {

// What a stream may send ahead, and all of a client's connection: a body that its backend takes slowly holds no more.
constexpr int32_t kStreamWindow = 64 * 1024, kConnectionWindow = 1024 * 1024;
// Of a client's stream whose body is taken as it comes: what a way of 50 ms lets through at 80 Mbit/s.
constexpr int32_t kWideWindow = kConnectionWindow / 2;
// Answers to SETTINGS and PING that wait to be written, and what one SETTINGS may set.
constexpr size_t kAcksMax = 100, kSettingsMax = 32;
constexpr size_t kSendHeadMax = 256 * 1024;
constexpr std::array<uint8_t, 8> kEndPing = {'c', 'a', 'r', 'd', 'e', 'a', '-', 'e'};

ssize_t read_body(nghttp2_session* session, int32_t stream, uint8_t* into, size_t length, uint32_t* flags,
                  nghttp2_data_source*, void*) {
  auto* at = static_cast<CallStream*>(nghttp2_session_get_stream_user_data(session, stream));
  if (!at) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  return at->give({reinterpret_cast<char*>(into), length}, *flags);
}

struct OptionFree {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

std::unique_ptr<nghttp2_option, OptionFree> options() {
  nghttp2_option* made = nullptr;
  CHECK(nghttp2_option_new(&made) == 0, "out of memory");
  nghttp2_option_set_no_auto_window_update(made, 1);
  nghttp2_option_set_no_closed_streams(made, 1);
  nghttp2_option_set_max_outbound_ack(made, kAcksMax);
  nghttp2_option_set_max_settings(made, kSettingsMax);
  nghttp2_option_set_max_send_header_block_length(made, kSendHeadMax);
  return std::unique_ptr<nghttp2_option, OptionFree>(made);
}

}  // namespace

// RFC 7540's priorities are not followed: whoever has them sends none then, and RFC 9218's are (nghttp2 reads them).
void Session::open(const nghttp2_session_callbacks* callbacks, void* user, uint32_t streams_max) {
  nghttp2_session* made = nullptr;
  CHECK(nghttp2_session_server_new2(&made, callbacks, user, options().get()) == 0, "out of memory");
  at_.reset(made);
  const std::array settings = {
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
  };
  nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
  window_max_ = kWideWindow;
  output_.raise();
}

// A backend's connection carries many clients: each may leave what its stream's window lets through for as long as it
// likes, and the others have theirs all the same.
void Session::open_client(const nghttp2_session_callbacks* callbacks, void* user, uint32_t head_bytes_max,
                          uint32_t calls_max) {
  nghttp2_session* made = nullptr;
  CHECK(nghttp2_session_client_new2(&made, callbacks, user, options().get()) == 0, "out of memory");
  at_.reset(made);
  const std::array settings = {
      nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head_bytes_max},
  };
  nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, int32_t(calls_max) * kStreamWindow);
  output_.raise();
}

int32_t Session::request(std::span<const nghttp2_nv> fields, bool body, CallStream* to) {
  const nghttp2_data_provider provider{.source = {.ptr = nullptr}, .read_callback = read_body};
  const int32_t stream =
      nghttp2_submit_request(at_.get(), nullptr, fields.data(), fields.size(), body ? &provider : nullptr, to);
  output_.raise();
  return stream;
}

void Session::ping() {
  nghttp2_submit_ping(at_.get(), NGHTTP2_FLAG_NONE, nullptr);
  output_.raise();
}

bool Session::feed(std::string_view bytes) {
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  const ssize_t used = nghttp2_session_mem_recv(at_.get(), at, bytes.size());
  output_.raise();
  return used >= 0;
}

std::string_view Session::next_output() {
  const uint8_t* at = nullptr;
  const ssize_t size = nghttp2_session_mem_send(at_.get(), &at);
  if (size <= 0) return {};
  return {reinterpret_cast<const char*>(at), size_t(size)};
}

bool Session::over() const {
  return nghttp2_session_want_read(at_.get()) == 0 && nghttp2_session_want_write(at_.get()) == 0;
}

void Session::informational(int32_t stream, std::span<const nghttp2_nv> fields) {
  nghttp2_submit_headers(at_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, fields.data(), fields.size(), nullptr);
  output_.raise();
}

void Session::response(int32_t stream, std::span<const nghttp2_nv> fields, bool body) {
  const nghttp2_data_provider provider{.source = {.ptr = nullptr}, .read_callback = read_body};
  nghttp2_submit_response(at_.get(), stream, fields.data(), fields.size(), body ? &provider : nullptr);
  output_.raise();
}

void Session::trailers(int32_t stream, std::span<const nghttp2_nv> fields) {
  nghttp2_submit_trailer(at_.get(), stream, fields.data(), fields.size());
  output_.raise();
}

void Session::resume(int32_t stream) {
  nghttp2_session_resume_data(at_.get(), stream);
  output_.raise();
}

void Session::reset(int32_t stream, uint32_t code) {
  nghttp2_submit_rst_stream(at_.get(), NGHTTP2_FLAG_NONE, stream, code);
  output_.raise();
}

void Session::consume(int32_t stream, size_t bytes) {
  nghttp2_session_consume(at_.get(), stream, bytes);
  output_.raise();
}

size_t Session::window(int32_t stream) const {
  return size_t(std::max(nghttp2_session_get_stream_effective_local_window_size(at_.get(), stream), 0));
}

size_t Session::widen(int32_t stream) {
  const size_t now = window(stream), left = window_max_ - std::min(widened_, window_max_);
  const size_t wide = std::min({2 * now, now + left, window_max_});
  if (wide <= now) return 0;
  nghttp2_session_set_local_window_size(at_.get(), NGHTTP2_FLAG_NONE, stream, int32_t(wide));
  widened_ += wide - now;
  return wide - now;
}

void Session::consume_connection(size_t bytes) {
  nghttp2_session_consume_connection(at_.get(), bytes);
  output_.raise();
}

void Session::attach(int32_t stream, CallStream* to) {
  nghttp2_session_set_stream_user_data(at_.get(), stream, to);
}

CallStream* Session::attached(int32_t stream) const {
  return static_cast<CallStream*>(nghttp2_session_get_stream_user_data(at_.get(), stream));
}

void Session::announce_end() {
  nghttp2_submit_shutdown_notice(at_.get());
  nghttp2_submit_ping(at_.get(), NGHTTP2_FLAG_NONE, kEndPing.data());
  output_.raise();
}

void Session::end_new_streams() {
  const int32_t last = nghttp2_session_get_last_proc_stream_id(at_.get());
  nghttp2_submit_goaway(at_.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
  output_.raise();
}

void Session::terminate(uint32_t code) {
  nghttp2_session_terminate_session(at_.get(), code);
  output_.raise();
}

}  // namespace cardea::l7::http2
