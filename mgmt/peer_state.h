// What a process runs, compared with the plan in force: one table says how that changes. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace cardea::mgmt {

enum class PeerState : uint8_t {
  kAway,      // nobody is connected
  kBehind,    // it has to be handed the plan in force
  kInStep,    // it runs the plan in force
  kTried,     // it runs a plan that was offered and is not in force (yet)
  kOff,       // it refused the plan in force and runs another, or none
  kUnneeded,  // the configuration says nothing about it
};

enum class PeerEvent : uint8_t {
  kConnected,
  kLost,           // its connection is gone, or of no use
  kAdopted,        // the plan in force
  kRefused,        // the plan in force
  kTaken,          // a plan that is offered: it runs that one
  kUpdateRefused,  // new states of pools
  kInForce,        // the plan in force is another now: the one that was taken here, if one was
  kPutBack,        // what was taken did not come into force
  kNoSection,      // there is no plan to hand over
};

constexpr PeerState next(PeerState state, PeerEvent event) {
  using enum PeerState;
  constexpr size_t kStates = 6, kEvents = 9;
  // clang-format off
  constexpr std::array<std::array<PeerState, kStates>, kEvents> kNext{{
      //                  kAway    kBehind    kInStep  kTried   kOff     kUnneeded
      /* connected */    {kBehind, kBehind,   kBehind, kBehind, kBehind, kBehind},
      /* lost */         {kAway,   kAway,     kAway,   kAway,   kAway,   kAway},
      /* adopted */      {kAway,   kInStep,   kInStep, kInStep, kInStep, kInStep},
      /* refused */      {kAway,   kOff,      kOff,    kOff,    kOff,    kOff},
      /* taken */        {kAway,   kTried,    kTried,  kTried,  kTried,  kTried},
      // The whole plan has every state in it, so one that ran it is handed all of it again; another never had it.
      /* update refused */{kAway,  kBehind,   kBehind, kTried,  kOff,    kUnneeded},
      /* in force */     {kAway,   kBehind,   kBehind, kInStep, kBehind, kBehind},
      /* put back */     {kAway,   kBehind,   kInStep, kBehind, kOff,    kUnneeded},
      /* no section */   {kAway,   kUnneeded, kInStep, kTried,  kOff,    kUnneeded},
  }};
  // clang-format on
  return kNext[size_t(event)][size_t(state)];
}

}  // namespace cardea::mgmt
