// A file as the answer: found beneath the route's folder, told about as far as the client has it already, sent piece by
// piece as the client takes it.
#include <fmt/format.h>

#include <algorithm>

#include "l7/files/media_types.h"
#include "l7/http/conditional.h"
#include "l7/proxy/disk.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/find_file.h"
#include "l7/proxy/meter.h"
#include "l7/proxy/own_head.h"
#include "l7/proxy/pieces.h"
#include "l7/proxy/wait_for_buffer.h"
#include "l7/route/location.h"

namespace cardea::l7::proxy {
namespace {

using files::Opened;
using files::Wait;
using http::HeaderId;

constexpr size_t kPieceMax = 64 * 1024;

// What of a file goes out.
struct Part {
  uint64_t at = 0, left = 0;
};

// Its time, its size and its coding: another byte in it is another time.
std::string_view entity_tag(Exchange& x, const FoundFile& found) {
  constexpr size_t kMax = 48;
  char* const text = x.arena().characters(kMax);
  const auto written = fmt::format_to_n(text, kMax, "\"{:x}-{:x}{}{}\"", found.file->modified_ns, found.file->size,
                                        found.coding.empty() ? "" : "-", found.coding);
  return {text, written.size};
}

// Never later than the answer itself (RFC 9110 8.8.2.1): until then nobody can tell what may still change.
http::DateText last_modified(const Exchange& x, const FoundFile& found) {
  return http::format_date(std::min(found.file->modified_ns / 1'000'000'000, x.record.unix_ms / 1000));
}

void describe(Exchange& x, const route::Files& files, const FoundFile& found, http::ResponseHead& head) {
  http::Headers& headers = head.headers;
  const http::DateText modified = last_modified(x, found);
  head.status = 200;
  add_header(x, headers, HeaderId::kContentType, "Content-Type", files.types->of(found.name));
  add_header(x, headers, HeaderId::kLastModified, "Last-Modified", {modified.data(), modified.size()});
  add_header(x, headers, HeaderId::kEtag, "ETag", entity_tag(x, found));
  add_header(x, headers, HeaderId::kDate, "Date", x.shard().date(x.record.unix_ms / 1000));
  add_header(x, headers, HeaderId::kOther, "Accept-Ranges", "bytes");
  if (!files.cache_control.empty())
    add_header(x, headers, HeaderId::kCacheControl, "Cache-Control", files.cache_control);
  if (!found.coding.empty()) add_header(x, headers, HeaderId::kContentEncoding, "Content-Encoding", found.coding);
  if (files.precompressed) add_header(x, headers, HeaderId::kVary, "Vary", "Accept-Encoding");
}

// Which part goes out, under which status; returns the Content-Range.
std::string_view fit_to_client(Exchange& x, http::ResponseHead& head, uint64_t size, Part& part) {
  const int64_t now = x.record.unix_ms / 1000;
  if (!http::preconditions_hold(x.head, head, now)) {
    head.status = 412;
    head.headers.clear();
    return {};
  }
  if (http::not_modified(x.head, head, now)) {
    head.status = 304;
    return {};
  }
  const http::ByteRange range = http::wanted_range(x.head, head, size);
  part = {0, size};
  if (range.kind == http::ByteRange::Kind::kWhole) return {};
  part = {range.first, range.length};
  head.status = 206;
  if (range.kind == http::ByteRange::Kind::kUnsatisfiable) {
    head.status = 416;
    head.headers.clear();
  }
  return content_range(x, range, size);
}

Task<OrErrno<size_t>> read_piece(Exchange& x, const Opened& file, std::span<char> into, uint64_t at) {
  return without_waiting(
      x, [&file, into, at](Wait wait) { return files::read_at(file.fd.get(), into.data(), into.size(), at, wait); });
}

Task<Failure> bring_part(Exchange& x, const Opened& file, uint64_t at, size_t size) {
  const OrErrno<size_t> brought = co_await without_waiting(x, [&file, at, size](Wait wait) -> OrErrno<size_t> {
    if (wait == Wait::kYes) return files::bring(file.fd.get(), at, size);
    if (files::is_in_memory(file.fd.get(), at, size)) return size;
    return std::unexpected(EAGAIN);
  });
  co_return brought ? Failure{} : failure_of_disk(x, brought.error());
}

// As one write would wait.
Task<Failure> until_writable(Exchange& x) {
  Stream& client = x.client();
  const Wake wake = co_await client.writable(x.to_client.wait(x.now(), client.undelivered()));
  x.to_client.resume(x.now());
  if (wake == Wake::kReady) co_return Failure{};
  co_return client_failure({wake == Wake::kTimeout ? IoStatus::kTimeout : IoStatus::kCancelled}, Reason::kClientStalled,
                           x.to_client);
}

// By the kernel, from its memory to the socket: a large file's bytes are copied once instead of twice.
Task<Failure> send_by_kernel(Exchange& x, const Opened& file, Part part) {
  Stream& client = x.client();
  for (size_t ahead = 0; part.left != 0;) {
    if (client.over_budget()) co_await x.loop().yield();
    if (ahead == 0) {
      ahead = std::min<uint64_t>(part.left, Stream::kTurnBytes);
      const Failure failed = co_await bring_part(x, file, part.at, ahead);
      if (failed) co_return failed;
    }
    const IoResult sent = client.try_send_file(file.fd.get(), part.at, ahead);
    if (sent.status == IoStatus::kWouldBlock) {
      const Failure failed = co_await until_writable(x);
      if (failed) co_return failed;
      continue;
    }
    if (sent.status == IoStatus::kEnd) co_return failure(Reason::kFileChanged);
    if (!sent.ok()) co_return client_failure(sent, Reason::kClientStalled, x.to_client);
    client.spend(sent.bytes);
    x.to_client.moved(sent.bytes);
    note_sent(x, sent.bytes);
    part.at += sent.bytes, part.left -= sent.bytes, ahead -= sent.bytes;
  }
  x.answer.complete = true;
  co_return Failure{};
}

// The head with the first piece in one write, then the rest.
Task<Failure> send_pieces(Exchange& x, const Opened& file, std::string_view head, Part part) {
  Buffer buffer;
  const size_t wanted = std::clamp<uint64_t>(part.left, Buffers::kFirst, kPieceMax);
  const Failure refused = co_await wait_for_buffer(x, wanted, buffer);
  if (refused) co_return refused;
  Pieces pieces;
  pieces.add(head);
  while (part.left != 0) {
    const std::span<char> room = buffer.span().first(std::min<uint64_t>(buffer.span().size(), part.left));
    const OrErrno<size_t> read = co_await read_piece(x, file, room, part.at);
    if (!read) co_return failure_of_disk(x, read.error());
    if (*read == 0) co_return failure(Reason::kFileChanged);
    pieces.add({room.data(), *read});
    if (!x.answer.sent) begin_answer(x);
    const IoResult written = co_await x.client().write_all(pieces.span(), x.to_client);
    note_sent(x, written.bytes);
    if (!written.ok()) co_return client_failure(written, Reason::kClientStalled, x.to_client);
    part.at += *read, part.left -= *read;
    pieces.clear();
    if (part.left == 0 || !x.client().sends_files()) continue;
    buffer = {};
    const Failure failed = co_await send_by_kernel(x, file, part);
    co_return failed;
  }
  x.answer.complete = true;
  co_return Failure{};
}

// The same through the compressor.
Task<Failure> send_compressed_pieces(Exchange& x, const Opened& file, std::string_view head, Part part) {
  Buffer buffer;
  const Failure refused = co_await wait_for_buffer(x, Buffers::kPiece, buffer);
  if (refused) co_return refused;
  begin_answer(x);
  x.compressing.head = head;
  while (part.left != 0) {
    const std::span<char> room = buffer.span().first(std::min<uint64_t>(buffer.span().size(), part.left));
    const OrErrno<size_t> read = co_await read_piece(x, file, room, part.at);
    if (!read) co_return failure_of_disk(x, read.error());
    if (*read == 0) co_return failure(Reason::kFileChanged);
    part.at += *read, part.left -= *read;
    const iovec piece{room.data(), *read};
    const auto until = part.left == 0 ? compress::Encoder::Until::kEnd : compress::Encoder::Until::kMore;
    const Failure failed = co_await compress_on(x, {&piece, 1}, until);
    if (failed) co_return failed;
  }
  x.answer.complete = true;
  co_return Failure{};
}

Task<> send(Exchange& x, http::ResponseHead& head, std::string_view range, const Opened& file, Part part) {
  x.answer.status = x.record.status = head.status;
  const std::string_view text = write_own_head(x, head, part.left, range);
  if (part.left == 0 || x.head.method == http::Method::kHead) {
    iovec piece{const_cast<char*>(text.data()), text.size()};
    co_await send_whole(x, {&piece, 1});
    co_return;
  }
  x.record.response_head = x.now();
  Failure failed;
  if (x.compressing.under_way) {
    failed = co_await send_compressed_pieces(x, file, text, part);
  } else {
    failed = co_await send_pieces(x, file, text, part);
  }
  x.failure = failed;
}

// What its links are relative to is the folder: with "/" behind its name.
Task<> lead_into_folder(Exchange& x, http::ResponseHead& head) {
  const route::Redirect to;
  const std::string folder = std::string(x.admitted.path.forward) + "/";
  const route::Target target{x.head, x.scheme(), x.admitted.path, x.admitted.match.prefix(), MadeTarget{folder, x.head.query}};
  if (x.head.authority.text.empty()) {
    x.failure = failure(http::Fault::kHostMissing);
    co_return;
  }
  const size_t room = location_size(to, target);
  head.status = 301;
  add_header(x, head.headers, HeaderId::kLocation, "Location",
             write_location({x.arena().characters(room), room}, to, target));
  co_await send(x, head, {}, {}, {});
}

Task<> refuse_method(Exchange& x, http::ResponseHead& head) {
  head.status = 405;
  add_header(x, head.headers, HeaderId::kOther, "Allow", "GET, HEAD");
  x.record.reason = word(Reason::kMethodNotAllowed);
  co_await send(x, head, {}, {}, {});
}

}  // namespace

Task<> send_file(Exchange& x, const route::Files& files) {
  http::ResponseHead& head = *x.arena().make<http::ResponseHead>();
  if (x.head.method != http::Method::kGet && x.head.method != http::Method::kHead) {
    co_await refuse_method(x, head);
    co_return;
  }
  FoundFile found;
  const Failure failed = co_await find_file(x, files, found);
  x.failure = failed;
  if (failed) co_return;
  if (found.file->is_folder) {
    co_await lead_into_folder(x, head);
    co_return;
  }
  describe(x, files, found, head);
  Part part;
  const std::string_view range = fit_to_client(x, head, found.file->size, part);
  co_await send(x, head, range, *found.file, part);
}

}  // namespace cardea::l7::proxy
