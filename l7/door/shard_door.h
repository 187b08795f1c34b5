// A shard's own TCP and what stands around it: the stack, the memory that it lends from, who owns its connections, and
// the wire, which comes and goes with the dataplane: connections outlive it and go on over the next. The loop asks it
// in every turn: packets in, what they mean to streams and listeners, and behind everybody's work packets out.
// One thread. It costs nothing until something listens or dials through it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "l7/door/patience.h"
#include "l7/door/source_address.h"
#include "l7/door/tcp_stream.h"
#include "l7/door/wire.h"
#include "l7/door/write_blocks.h"
#include "l7/runtime/loop.h"
#include "l7/tcp/stack.h"

namespace cardea::l7::door {

// Connections that peers opened are handed to.
class Acceptor {
 public:
  // The connection is the acceptor's: it makes a TcpStream of it, or leaves it (ShardDoor::leave).
  virtual void accept(tcp::ConnectionId id, const Endpoint& local, const Endpoint& peer) = 0;

 protected:
  ~Acceptor() = default;
};

// What a stack is made for.
struct Sizes {
  uint32_t connections = 4096;
  uint64_t receive_bytes = 16 << 20, write_bytes = 16 << 20;

  // `connections_max`: of the clients of this host; both are shared out to `shards`.
  static Sizes of(uint64_t connections_max, uint64_t buffer_bytes, uint32_t shards);
};

class ShardDoor final : private TurnWork, private EventSource {
 public:
  // Of a connection, written and not acknowledged.
  static constexpr uint32_t kUnacknowledgedMax = 256 * 1024;

  ShardDoor(Loop& loop, uint32_t shard) : loop_(loop), shard_(shard) {}
  ShardDoor(const ShardDoor&) = delete;
  ~ShardDoor();

  // Makes the stack; does nothing where there is one.
  void open(const Sizes& sizes);
  bool is_open() const { return stack_ != nullptr; }
  void attach(std::shared_ptr<AttachedDoor> door);
  void detach();
  bool attached() const { return wire_ != nullptr; }

  // Opened before. The acceptor stays until stop_listening().
  std::expected<tcp::ListenerId, tcp::OpenFault> listen(const Endpoint& at, Acceptor& acceptor);
  // Answers no new handshake; those under way are completed.
  void answer_no_more(tcp::ListenerId id) { stack_->answer_no_more(id); }
  void stop_listening(tcp::ListenerId id);
  // Whether backends are dialled by it, and of which addresses (SourceAddress).
  void set_dialling(bool on, std::vector<IpAddress> port_addresses);
  // From where `to` is dialled; nothing: by the kernel, since it is not behind a port, or no door is attached.
  std::optional<IpAddress> source_towards(const IpAddress& to);
  // A connection from `source`, whose answer is awaited by TcpStream::connected(). An Error: no port or no connection
  // is left, which is this host's fault.
  Result<std::pair<tcp::ConnectionId, Endpoint>> dial(const IpAddress& source, const Endpoint& to);

  Loop& loop() const { return loop_; }
  const tcp::Stack* stack_or_null() const { return stack_.get(); }
  uint64_t dials_without_port() const { return dials_without_port_; }
  uint64_t lost_at_full_pipe() const { return lost_at_full_pipe_; }
  uint32_t write_blocks_left() const { return blocks_ ? blocks_->left() : 0; }
  uint64_t bytes_lent() const {
    return blocks_ ? uint64_t{blocks_->count() - blocks_->left()} * WriteBlocks::kBlockSize : 0;
  }

  // TcpStream's.
  tcp::Stack& stack() { return *stack_; }
  void own(tcp::ConnectionId id, TcpStream& stream) { owners_[id.index].stream = &stream; }
  size_t write(tcp::ConnectionId id, Bytes bytes);
  bool may_write(tcp::ConnectionId id) const;
  bool short_of_blocks(tcp::ConnectionId id) const { return !blocks_->has_room(owners_[id.index].lent); }
  void tell_of_blocks(TcpStream& stream) { short_of_blocks_.push_back(stream); }
  void leave(tcp::ConnectionId id, Close how);

 private:
  // Who has a connection, and what the stack has lent of it; by the connection's index.
  struct Owner {
    TcpStream* stream = nullptr;
    BlockChain lent;
  };
  static constexpr uint32_t kPacketsPerTurn = 256;  // of a worker

  void take_in(Instant now) override;
  void send_out(Instant now) override;
  Instant next() override;
  bool ready_to_sleep() override;
  void awake() override;
  void on_events(uint32_t) override {}

  bool take_packets(Instant now);
  void hand_out();
  void hand_out(const tcp::Notice& notice);
  void opened(const tcp::Notice& notice);
  void take_back(const tcp::Notice& notice);
  void end_broken();
  void use_ports_of(uint32_t instance, uint32_t shards);

  Loop& loop_;
  const uint32_t shard_;
  std::unique_ptr<tcp::Stack> stack_;
  std::unique_ptr<WriteBlocks> blocks_;
  std::vector<Owner> owners_;
  std::vector<Acceptor*> acceptors_;  // by tcp::ListenerId
  std::unique_ptr<Wire> wire_;
  bool dials_ = false;
  SourceAddress source_;
  std::vector<uint16_t> ports_;  // to dial from
  size_t next_port_ = 0;
  List<TcpStream> short_of_blocks_;
  Patience patience_;
  bool full_ = false;  // a pipe was; there may be more to send
  uint64_t dials_without_port_ = 0, lost_at_full_pipe_ = 0;
};

}  // namespace cardea::l7::door
