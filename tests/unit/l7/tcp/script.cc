#include "tests/unit/l7/tcp/script.h"

#include <array>
#include <cmath>
#include <deque>
#include <sstream>
#include <vector>

#include "l7/tcp/checksum.h"
#include "l7/tcp/rooms.h"
#include "tests/unit/l7/tcp/invariants.h"

namespace cardea::l7::tcp {
namespace {

constexpr Seq kPeerInitial = 0xfffff000;  // wraps early
// Where our own numbers begin: in either half of their space, before they wrap and before their difference to 0 changes
// its sign.
constexpr std::array<Seq, 4> kInitials = {0x10000000, 0xa0000000, 0x7ffff000, 0xfffff000};
constexpr Duration kTolerance = std::chrono::milliseconds(4);

struct Line {
  double after = 0;
  std::string verb;
  std::vector<std::string> words;
  std::string options;
  bool has_options = false;
};

Line parse_line(const std::string& text) {
  Line line;
  std::string rest = text;
  if (const size_t open = rest.find('<', rest.find_first_of("<>") + 1); open != std::string::npos) {
    line.has_options = true;
    line.options = rest.substr(open + 1, rest.rfind('>') - open - 1);
    rest = rest.substr(0, open);
  }
  std::istringstream in(rest);
  std::string time, word;
  in >> time >> line.verb;
  line.after = std::stod(time.substr(1));
  while (in >> word) line.words.push_back(word);
  return line;
}

uint8_t flags_of(const std::string& text) {
  uint8_t flags = 0;
  for (char c : text) {
    if (c == 'S') flags |= kSyn;
    if (c == 'F') flags |= kFin;
    if (c == 'R') flags |= kRst;
    if (c == 'P') flags |= kPsh;
    if (c == '.') flags |= kAck;
    if (c == 'E') flags |= kEce;
    if (c == 'W') flags |= kCwr;
  }
  return flags;
}

std::string text_of_flags(uint8_t flags) {
  std::string text;
  const std::pair<uint8_t, char> letters[] = {{kSyn, 'S'}, {kFin, 'F'}, {kRst, 'R'}, {kPsh, 'P'},
                                              {kCwr, 'W'}, {kEce, 'E'}, {kAck, '.'}};
  for (const auto& [flag, letter] : letters)
    if (flags & flag) text += letter;
  return text;
}

Endpoint end_of(Family family, bool ours) {
  const bool v6 = family == Family::kIpv6;
  const char* address = ours ? (v6 ? "2001:db8::1" : "192.0.2.1") : (v6 ? "2001:db8::2" : "192.0.2.2");
  return {*IpAddress::parse(address), uint16_t(ours ? 8080 : 40000)};
}

Tuple tuple_of(Family family) {
  const Endpoint ours = end_of(family, true), peers = end_of(family, false);
  return {ours.address, peers.address, ours.port, peers.port};
}

// When a connection that begins has that initial number, or one of the few behind it: numbers follow the clock.
Instant start_for(Seq initial, const Settings& settings, Family family) {
  constexpr Instant kEarliest = Instant(std::chrono::seconds(5000));
  const Seq ticks = initial - initial_sequence(settings, tuple_of(family), kEarliest);
  return std::chrono::ceil<std::chrono::milliseconds>(kEarliest + std::chrono::microseconds(4) * uint64_t{ticks});
}

class Player {
 public:
  Player(const Script& script, Family family, Seq initial)
      : settings_(settings_of(script, family)),
        now_(start_for(initial, settings_, family)),
        stack_(settings_, now_) {
    ours_ = end_of(family, true);
    peers_ = end_of(family, false);
    const Tuple tuple = tuple_of(family);
    clock_offset_ =
        timestamp_offset(settings_, tuple) + uint32_t(now_.time_since_epoch() / std::chrono::milliseconds(1));
  }

  std::string play(const char* text) {
    std::istringstream in(text);
    std::string raw;
    while (std::getline(in, raw)) {
      raw = raw.substr(0, raw.find("//"));
      if (raw.find_first_not_of(" ") == std::string::npos) continue;
      const std::string fault = do_line(parse_line(raw));
      if (!fault.empty()) return raw + "\n    " + fault;
    }
    return out_.empty() ? "" : "at the end: unexpected " + text_of(out_.front().packet);
  }

 private:
  struct Left {
    Instant at;
    std::vector<std::byte> packet;
  };

  static Settings settings_of(const Script& script, Family family) {
    Settings settings;
    settings.table_key = {1, 2};
    settings.isn_key = {3, 4};
    settings.timestamp_key = {5, 6};
    settings.connections = 8;
    settings.segments = 256;
    settings.blocks = 64;
    settings.arrivals = 4;
    settings.pieces = 64;
    settings.mtu = family == Family::kIpv6 ? 1520 : 1500;  // the same MSS
    if (script.set) script.set(settings);
    return settings;
  }

  std::string do_line(const Line& line) {
    const Instant due = now_ + Duration(int64_t(std::llround(line.after * 1e9)));
    if (line.verb == ">") return expect_packet(line, due);
    run_to(due);
    if (!out_.empty() && line.verb != "told") return "before this: unexpected " + text_of(out_.front().packet);
    if (line.verb == "<") return packet_in(line);
    const std::string fault = act(line);
    collect();
    return fault.empty() ? invariants() : fault;
  }

  std::string invariants() {
    const Connection* c = stack_.find(id_);
    return c ? broken_invariant(stack_.resources(), *c) : "";
  }

  void collect() {
    if (full_) return;
    std::byte room[2048];
    while (const size_t size = stack_.transmit(room, now_)) {
      out_.push_back({now_, {room, room + size}});
      const auto s = read_segment(out_.back().packet);
      if (s && s->has(kSyn) && !iss_known_) iss_ = s->seq, iss_known_ = true;
    }
    while (const auto notice = stack_.next_notice()) {
      if (notice->events & kOpened) id_ = notice->id;
      told_ |= notice->events;
      if (notice->events & kEnded) ending_ = notice->ending;
    }
    collect_more();
  }
  void collect_more() {  // what a notice's settling let go
    std::byte room[2048];
    while (const size_t size = stack_.transmit(room, now_)) out_.push_back({now_, {room, room + size}});
  }

  void run_to(Instant until) {
    while (stack_.next() <= until) {
      now_ = std::max(now_, stack_.next());
      stack_.advance(now_);
      collect();
    }
    now_ = until;
  }

  std::string expect_packet(const Line& line, Instant due) {
    while (out_.empty() && stack_.next() <= due + kTolerance) {
      now_ = std::max(now_, stack_.next());
      stack_.advance(now_);
      collect();
    }
    if (out_.empty()) return "nothing left";
    const Left left = out_.front();
    out_.pop_front();
    const Duration error = left.at - due;
    now_ = std::max(now_, due);
    if (std::chrono::abs(error) > kTolerance) {
      return text_of(left.packet) + " left " + std::to_string(double(error.count()) / 1e6) + " ms from then";
    }
    return compare(line, left.packet);
  }

  std::string compare(const Line& line, Bytes packet) {
    const auto s = read_segment(packet);
    if (!s) return "a packet that cannot be read left";
    last_stamp_ = s->options.ts_value;
    std::string wanted = line.words[0] + " " + line.words[1], got = text_of_flags(s->flags) + " " + text_of_range(*s);
    for (size_t i = 2; i + 1 < line.words.size(); i += 2) {
      wanted += " " + line.words[i] + " " + line.words[i + 1];
      if (line.words[i] == "ack") got += " ack " + std::to_string(s->ack - kPeerInitial);
      if (line.words[i] == "win") got += " win " + std::to_string(s->window);
      if (line.words[i] == "ecn") got += " ecn " + std::to_string(int(s->ecn));
    }
    if (line.has_options) {
      wanted += " <" + line.options + ">";
      got += " <" + text_of_options(packet) + ">";
    }
    return wanted == got ? invariants() : "left: " + got;
  }

  std::string text_of_range(const Segment& s) const {
    const uint32_t from = s.has(kRst) && !iss_known_ ? s.seq : s.seq - iss_;
    return std::to_string(from) + ":" + std::to_string(from + s.payload.size()) + "(" +
           std::to_string(s.payload.size()) + ")";
  }

  std::string text_of(Bytes packet) const {
    const auto s = read_segment(packet);
    return s ? text_of_flags(s->flags) + " " + text_of_range(*s) + " ack " + std::to_string(s->ack - kPeerInitial) +
                   " win " + std::to_string(s->window) + " <" + text_of_options(packet) + ">"
             : "rubbish";
  }

  // As they stand there, padding and order too.
  std::string text_of_options(Bytes packet) const {
    const size_t ip = packet[0] >> 4 == std::byte{4} ? kIpv4Header : kIpv6Header;
    const size_t header = size_t(packet[ip + 12] >> 4) * 4;
    Bytes at = packet.subspan(ip + kTcpHeader, header - kTcpHeader);
    std::string text;
    while (!at.empty()) {
      const auto kind = uint8_t(at[0]);
      const size_t size = kind < 2 ? 1 : size_t(at[1]);
      text += (text.empty() ? "" : ",") + text_of_option(kind, at.first(size));
      at = at.subspan(size);
    }
    return text;
  }

  std::string text_of_option(uint8_t kind, Bytes option) const {
    if (kind == 0) return "eol";
    if (kind == 1) return "nop";
    if (kind == 2) return "mss " + std::to_string(load_be16(&option[2]));
    if (kind == 3) return "wscale " + std::to_string(int(option[2]));
    if (kind == 4) return "sackOK";
    if (kind == 8)
      return "TS " + std::to_string(load_be32(&option[2]) - clock_offset_) + " " +
             std::to_string(load_be32(&option[6]));
    std::string text = "sack";
    for (size_t i = 2; i + 8 <= option.size(); i += 8)
      text += " " + std::to_string(load_be32(&option[i]) - kPeerInitial) + ":" +
              std::to_string(load_be32(&option[i + 4]) - kPeerInitial);
    return text;
  }

  // "icmp too_big mtu N seq N" or "icmp unreachable seq N", from a router, about a segment of ours.
  std::string error_in(const Line& line) {
    const bool v4 = ours_.address.is_v4(), too_big = line.words[1] == "too_big";
    const uint32_t mtu = too_big ? uint32_t(std::stoul(line.words[3])) : 0;
    Outgoing quote{.tuple = {ours_.address, peers_.address, ours_.port, peers_.port}, .flags = kAck};
    quote.seq = iss_ + uint32_t(std::stoul(line.words.back()));
    std::vector<std::byte> quoted(headers_size(quote));
    write_headers(quote, quoted);
    const size_t ip = v4 ? kIpv4Header : kIpv6Header;
    std::vector<std::byte> packet(ip + 8);
    packet.insert(packet.end(), quoted.begin(), quoted.end());
    std::byte* message = packet.data() + ip;
    message[0] = std::byte(v4 ? 3 : too_big ? 2 : 1);
    message[1] = std::byte(v4 ? (too_big ? 4 : 1) : 0);
    store_be32(message + 4, mtu);
    write_ip(packet, v4);
    const size_t size = packet.size() - ip;
    uint64_t sum = sum_of(Bytes(message, size));
    if (!v4)
      sum = sum_of(Bytes(packet).subspan(8, 32), sum) + __builtin_bswap32(uint32_t(size)) + __builtin_bswap16(58);
    store_native(message + 2, uint16_t(~folded(sum)));
    stack_.receive(packet, now_);
    collect();
    return invariants();
  }

  void write_ip(std::vector<std::byte>& packet, bool v4) const {
    std::byte* at = packet.data();
    at[0] = std::byte(v4 ? 0x45 : 0x60);
    store_be16(at + (v4 ? 2 : 4), uint16_t(packet.size() - (v4 ? 0 : kIpv6Header)));
    at[v4 ? 9 : 6] = std::byte(v4 ? 1 : 58);
    const size_t size = v4 ? 4 : 16, from = v4 ? 12 : 8;
    std::memcpy(at + from, v4 ? peers_.address.v4_data() : peers_.address.bytes.data(), size);
    std::memcpy(at + from + size, v4 ? ours_.address.v4_data() : ours_.address.bytes.data(), size);
    if (v4) store_native(at + 10, uint16_t(~folded(sum_of(Bytes(packet).first(kIpv4Header)))));
  }

  std::string packet_in(const Line& line) {
    if (line.words[0] == "icmp") return error_in(line);
    Outgoing s{.tuple = {peers_.address, ours_.address, peers_.port, ours_.port}, .flags = flags_of(line.words[0])};
    unsigned from = 0, to = 0, size = 0;
    std::sscanf(line.words[1].c_str(), "%u:%u(%u)", &from, &to, &size);
    s.seq = kPeerInitial + from;
    for (size_t i = 2; i + 1 < line.words.size(); i += 2) {
      const auto value = uint32_t(std::stoul(line.words[i + 1]));
      if (line.words[i] == "ack") s.ack = iss_ + value;
      if (line.words[i] == "win") s.window = uint16_t(value);
      if (line.words[i] == "ecn") s.ecn = Ecn(value);
    }
    parse_options(line.options, s.options);
    std::vector<std::byte> packet(headers_size(s) + size);
    for (unsigned i = 0; i < size; i++) packet[packet.size() - size + i] = std::byte((from + (s.flags & kSyn ? 1 : 0) + i) * 7);
    write_headers(s, packet);
    stack_.receive(packet, now_);
    collect();
    return invariants();
  }

  void parse_options(const std::string& text, Options& options) const {
    std::istringstream in(text);
    std::string option;
    while (std::getline(in, option, ',')) {
      std::istringstream words(option);
      std::string kind;
      uint32_t a = 0, b = 0;
      words >> kind;
      if (kind == "mss") words >> a, options.mss = uint16_t(a);
      if (kind == "sackOK") options.sack_permitted = true;
      if (kind == "wscale") words >> a, options.window_scale = uint8_t(a), options.has_window_scale = true;
      if (kind == "TS") {
        std::string echo;
        words >> a >> echo;
        options.has_timestamps = true;
        options.ts_value = a;
        options.ts_echo = echo == "echo" ? last_stamp_ : echo == "0" ? 0 : uint32_t(std::stoul(echo)) + clock_offset_;
      }
      std::string range;
      while (kind == "sack" && words >> range) {
        std::sscanf(range.c_str(), "%u:%u", &a, &b);
        options.sacks[options.sack_count++] = {iss_ + a, iss_ + b};
      }
    }
  }

  std::string act(const Line& line) {
    const auto number = [&] { return line.words.empty() ? 0u : unsigned(std::stoul(line.words[0])); };
    const std::string& verb = line.verb;
    if (verb == "listen") return stack_.listen(ours_) ? "" : "cannot listen";
    if (verb == "connect") {
      const auto id = stack_.connect(ours_, peers_, now_);
      if (!id) return "cannot connect: " + std::to_string(int(id.error()));
      id_ = *id;
    } else if (verb == "in_use") {
      const auto id = stack_.connect(ours_, peers_, now_);
      return !id && id.error() == OpenFault::kTupleInUse ? "" : "it may be dialled";
    } else if (verb == "write") {
      const size_t taken = stack_.write(id_, Bytes(source_).first(number()), now_);
      if (taken != number()) return "only " + std::to_string(taken) + " were taken";
    } else if (verb == "read") {
      return read(number());
    } else if (verb == "finish") {
      stack_.finish(id_, now_);
    } else if (verb == "close") {
      stack_.close(id_, now_);
    } else if (verb == "abort") {
      stack_.abort(id_, now_);
    } else if (verb == "nagle") {
      stack_.set_nagle(id_, line.words.empty());
    } else if (verb == "full" || verb == "free") {
      full_ = verb == "full";
    } else if (verb == "told") {
      return told(line.words[0]);
    } else if (verb != "end") {
      return look(verb, line.words[0]);
    }
    return "";
  }

  std::string read(unsigned count) {
    while (count > 0) {
      const Bytes front = stack_.front(id_);
      if (front.empty()) return "there is less";
      const size_t now = std::min<size_t>(count, front.size());
      for (size_t i = 0; i < now; i++)
        if (front[i] != std::byte((1 + read_ + i) * 7)) return "byte " + std::to_string(read_ + i) + " is another";
      read_ += now;
      count -= unsigned(now);
      stack_.consume(id_, now, now_);
    }
    return "";
  }

  std::string told(const std::string& what) {
    const std::pair<const char*, uint8_t> events[] = {
        {"opened", kOpened}, {"readable", kReadable}, {"acknowledged", kAcknowledged}, {"finished", kPeerFinished}};
    const std::pair<const char*, Ending> endings[] = {
        {"orderly", Ending::kOrderly},         {"reset", Ending::kReset},
        {"refused", Ending::kRefused},         {"timed_out", Ending::kTimedOut},
        {"unreachable", Ending::kUnreachable}, {"aborted", Ending::kAborted}};
    for (const auto& [name, event] : events) {
      if (what != name) continue;
      const bool was = told_ & event;
      told_ &= uint8_t(~event);
      return was ? "" : "was not told";
    }
    for (const auto& [name, ending] : endings)
      if (what == name) return ending_ == ending ? "" : "ended by " + std::to_string(int(ending_));
    return "no such notice";
  }

  std::string look(const std::string& verb, const std::string& wanted) {
    const Connection* c = stack_.find(id_);
    std::string got = "nothing";
    static const char* const kStates[] = {"SYN-SENT",   "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
                                          "CLOSE-WAIT", "CLOSING",      "LAST-ACK",    "TIME-WAIT",  "CLOSED"};
    if (verb == "waits") got = std::to_string(stack_.time_waits());
    if (verb == "connections") got = std::to_string(stack_.connections());
#define CARDEA_TCP_COUNTER(name, help) \
  if (verb == #name) got = std::to_string(stack_.counters().name);
#include "l7/tcp/counters.def"
#undef CARDEA_TCP_COUNTER
    if (c && verb == "cwnd") got = std::to_string(c->window / send_mss(*c));
    if (c && verb == "state") got = kStates[size_t(c->state)];
    if (c && verb == "threshold") got = std::to_string(c->cubic.threshold() / send_mss(*c));
    if (c && verb == "capacity") got = std::to_string(c->capacity);
    if (c && verb == "lost") got = std::to_string(c->scoreboard.flight().lost);
    if (c && verb == "in_flight") got = std::to_string(c->in_flight());
    if (c && verb == "readable") got = std::to_string(c->received.readable());
    return got == wanted ? "" : verb + " is " + got;
  }

  Settings settings_;
  Instant now_;
  Stack stack_;
  Endpoint ours_, peers_;
  uint32_t clock_offset_ = 0, last_stamp_ = 0;
  std::deque<Left> out_;
  ConnectionId id_;
  Seq iss_ = 0;
  bool iss_known_ = false, full_ = false;
  uint8_t told_ = 0;
  Ending ending_ = Ending::kNot;
  size_t read_ = 0;
  std::vector<std::byte> source_ = std::vector<std::byte>(1 << 20, std::byte{'x'});
};

}  // namespace

std::string play(const Script& script, Family family) {
  for (const Seq initial : kInitials) {
    const std::string fault = Player(script, family, initial).play(script.text);
    if (!fault.empty()) return "from " + std::to_string(initial) + ": " + fault;
  }
  return "";
}

}  // namespace cardea::l7::tcp
