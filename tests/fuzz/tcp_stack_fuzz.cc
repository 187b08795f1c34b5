// A stack in the hands of a peer who sends whatever he likes: raw packets, and segments whose numbers lie near those
// that count, between writes, reads and time. The invariants hold after every step, what is read is what its number
// says, and a packet that comes is answered by a bounded number of packets.
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "l7/tcp/checksum.h"
#include "l7/tcp/rooms.h"
#include "l7/tcp/stack.h"
#include "tests/unit/l7/tcp/invariants.h"

namespace {

using namespace cardea;
using namespace cardea::l7::tcp;

constexpr Instant kStart = Instant(std::chrono::seconds(1000));

Settings settings_of(uint8_t choice) {
  Settings settings;
  settings.connections = 4;
  settings.half_open = 2;
  settings.segments = 64;
  settings.pieces = 8;
  settings.blocks = 24;
  settings.arrivals = 2;
  settings.receive_window = settings.receive_window_max = 20'000;
  settings.sack = choice & 1;
  settings.timestamps = choice & 2;
  settings.window_scale = choice & 4;
  settings.ecn = choice & 8;
  settings.keep_alive_idle = choice & 16 ? Duration(std::chrono::seconds(30)) : Duration{0};
  return settings;
}

class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ >= end_; }
  uint8_t byte() { return empty() ? 0 : *at_++; }
  uint16_t word() { return uint16_t(byte() << 8 | byte()); }
  Bytes bytes(size_t most) {
    const size_t count = std::min<size_t>(most, size_t(end_ - at_));
    const Bytes taken(reinterpret_cast<const std::byte*>(at_), count);
    at_ += count;
    return taken;
  }

 private:
  const uint8_t *at_, *end_;
};

class Player {
 public:
  Player(uint8_t choice, bool dials) : stack_(settings_of(choice), kStart) {
    if (dials)
      id_ = *stack_.connect(ours_, peers_, now_);
    else
      CHECK(stack_.listen(ours_).has_value());
    look();
  }

  void step(Input& input) {
    switch (input.byte() % 9) {
      case 0:
        return raw(input);
      case 1:
        return write(input.word());
      case 2:
        return read(input.word());
      case 3:
        return pass(input);
      case 4:
        return finish(input.byte());
      case 5:
        return error(input);
      default:
        return segment(input);
    }
  }

  void end() {
    stack_.close(id_, now_);
    look();
    for (unsigned i = 0; stack_.next() != Instant::max(); i++) {
      CHECK(i < 5000, "goes on for ever");
      now_ = std::max(now_, stack_.next());
      stack_.advance(now_);
      look();
    }
    CHECK(stack_.connections() <= 1);  // one that was opened and never closed by its owner may stay
  }

 private:
  // Near what counts, or anywhere.
  Seq near(Seq base, uint16_t distance) const {
    return distance == 0xffff ? base + 0x7fffffff : base + distance - 2000;
  }

  void raw(Input& input) {
    stack_.receive(input.bytes(input.byte()), now_, Checksum::kGood);
    look();
  }

  // An ICMP error of any type whose sums are right, about a segment near those that are under way, or about nothing.
  void error(Input& input) {
    Outgoing quote{.tuple = {ours_.address, peers_.address, ours_.port, peers_.port}, .flags = kAck};
    const Connection* c = stack_.find(id_);
    quote.seq = near(c ? c->snd_una : 0, input.word());
    std::vector<std::byte> quoted(headers_size(quote)), packet(kIpv4Header + 8);
    write_headers(quote, quoted);
    packet.insert(packet.end(), quoted.begin(), quoted.end() - input.byte() % quoted.size());
    std::byte* at = packet.data();
    at[0] = std::byte{0x45};
    store_be16(at + 2, uint16_t(packet.size()));
    at[9] = std::byte{1};
    store_native(at + 10, uint16_t(~folded(sum_of(Bytes(packet).first(kIpv4Header)))));
    at[20] = std::byte{3};
    at[21] = std::byte(input.byte() % 16);
    store_be16(at + 26, input.word());
    store_native(at + 22, uint16_t(~folded(sum_of(Bytes(packet).subspan(kIpv4Header)))));
    stack_.receive(packet, now_);
    look();
  }

  void segment(Input& input) {
    Outgoing s{.tuple = {peers_.address, ours_.address, peers_.port, ours_.port}, .flags = input.byte()};
    const Connection* c = stack_.find(id_);
    s.seq = near(irs_ + 1 + taken_, input.word());
    s.ack = near(c ? c->snd_una : 0, input.word());
    s.window = input.word();
    s.ecn = Ecn(input.byte() & 3);
    const Bytes options = input.bytes(input.byte() % 41);
    if (s.flags & kSyn && !opened_) irs_ = s.seq = 0xfffffff0;
    s.options = read_options(options, s.flags & kSyn);
    std::vector<std::byte> packet(headers_size(s) + input.word() % 1500);
    const size_t head = headers_size(s);
    for (size_t i = head; i < packet.size(); i++)
      packet[i] = byte_at(s.seq + (s.flags & kSyn ? 1 : 0) + uint32_t(i - head));
    write_headers(s, packet);
    stack_.receive(packet, now_);
    look();
  }

  std::byte byte_at(Seq seq) const { return std::byte((seq - irs_) * 7 >> 3); }

  void write(uint16_t count) {
    stack_.write(id_, Bytes(source_).first(count), now_);
    look();
  }

  void read(uint16_t most) {
    const Bytes front = stack_.front(id_);
    const size_t count = std::min<size_t>(front.size(), most);
    for (size_t i = 0; i < count; i++) CHECK(front[i] == byte_at(irs_ + 1 + taken_ + uint32_t(i)));
    stack_.consume(id_, count, now_);
    taken_ += uint32_t(count);
    look();
  }

  void pass(Input& input) {
    now_ += Duration(uint64_t{1} << (input.byte() % 38)) * (1 + input.byte());
    stack_.advance(now_);
    look();
  }

  void finish(uint8_t how) {
    if (how < 200)
      stack_.finish(id_, now_);
    else if (how < 228)
      stack_.abort(id_, now_);
    else
      stack_.close(id_, now_);
    look();
  }

  void look() {
    std::byte room[2048];
    unsigned packets = 0;
    while (stack_.transmit(room, now_)) CHECK(++packets < 200, "one step makes no end of packets");
    while (const auto notice = stack_.next_notice()) {
      if (notice->events & kOpened && !opened_) {
        id_ = notice->id;
        opened_ = true;
        irs_ = stack_.find(id_)->irs;
      }
    }
    if (const Connection* c = stack_.find(id_)) {
      const std::string broken = broken_invariant(stack_.resources(), *c);
      CHECK(broken.empty(), "an invariant is broken");
    }
  }

  Stack stack_;
  Instant now_ = kStart;
  const Endpoint ours_{*IpAddress::parse("192.0.2.1"), 80}, peers_{*IpAddress::parse("192.0.2.2"), 4000};
  ConnectionId id_;
  bool opened_ = false;
  Seq irs_ = 0xfffffff0;
  uint32_t taken_ = 0;
  std::vector<std::byte> source_ = std::vector<std::byte>(65536);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const uint8_t choice = input.byte();
  Player player(choice, choice & 32);
  for (unsigned steps = 0; !input.empty() && steps < 300; steps++) player.step(input);
  player.end();
  return 0;
}
