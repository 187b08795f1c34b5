#include "mgmt/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "mgmt/whole_file.h"

namespace cardea::mgmt {
namespace {

namespace fs = std::filesystem;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string pattern = fs::temp_directory_path() / "cardea-store-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~StoreTest() override { fs::remove_all(folder_); }
  void put(const std::string& name, const std::string& content) { std::ofstream(folder_ + name) << content; }

  std::string folder_;
};

Bytes bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST_F(StoreTest, ReplacesAFileWhole) {
  const std::string path = folder_ + "/file";
  ASSERT_TRUE(write_file_whole(path, bytes(std::string(100'000, 'a'))));
  ASSERT_TRUE(write_file_whole(path, bytes("short")));
  EXPECT_EQ(read_whole_file(path).value(), "short");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1) << "nothing is left beside it";
}

TEST_F(StoreTest, AFolderThatIsNotThereIsAnErrorWithItsName) {
  const auto written = write_file_whole(folder_ + "/no/such/file", bytes("x"));
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("/no/such/file"), std::string::npos);
}

TEST_F(StoreTest, ADamagedRuntimeFileIsAWarningAndAFreshStart) {
  EXPECT_EQ(load_runtime(folder_).warning, "") << "there was none before";
  for (const char* content : {"", "{", "\xff\xfe not json", R"({"format": 99})"}) {
    put("/runtime.json", content);
    const auto loaded = load_runtime(folder_);
    EXPECT_EQ(loaded.runtime, Runtime{});
    EXPECT_NE(loaded.warning.find("runtime.json"), std::string::npos) << content;
  }
  fs::create_directory(folder_ + "/runtime.json");
  EXPECT_FALSE(load_runtime(folder_).warning.empty());
}

TEST_F(StoreTest, TheStateBeforeADamagedOneIsTakenAndTheDamagedOneKept) {
  Runtime first, second;
  first.overrides[{"web", "10.0.0.11:8080"}] = {Order::kDrain, {}};
  first.generation = 1, second.generation = 2;
  for (const auto& runtime : {first, second}) {
    std::promise<void> stored;
    Store store(folder_, [](const Error&) {});
    store.runtime(runtime, [&](Result<>) { stored.set_value(); });
    stored.get_future().get();
  }
  ASSERT_EQ(load_runtime(folder_).runtime, second);
  put("/runtime.json", "{ half of");
  const auto loaded = load_runtime(folder_);
  EXPECT_EQ(loaded.runtime, first);
  EXPECT_NE(loaded.warning.find("runtime.json.damaged"), std::string::npos) << loaded.warning;
  EXPECT_EQ(read_whole_file(folder_ + "/runtime.json.damaged").value(), "{ half of");
  EXPECT_EQ(load_runtime(folder_).runtime, first) << "and again, before anything was written";
}

TEST_F(StoreTest, WhatWasConfirmedIsOnTheDisk) {
  Store store(folder_, [](const Error&) {});
  Runtime runtime;
  runtime.generation = 3;
  std::promise<Result<>> stored;
  store.runtime(runtime, [&](Result<> how) { stored.set_value(std::move(how)); });
  ASSERT_TRUE(stored.get_future().get());
  EXPECT_EQ(load_runtime(folder_).runtime, runtime);
}

TEST_F(StoreTest, WhatWaitsIsWrittenAtTheEnd) {
  const uint8_t plan[]{1, 2, 3, 4};
  {
    Store store(folder_, [](const Error&) {});
    for (uint64_t generation = 1; generation <= 50; ++generation) {
      Runtime runtime;
      runtime.generation = generation;
      store.runtime(runtime);
    }
    store.plan(
        "dataplane",
        [&]() -> Result<flatbuffers::DetachedBuffer> {
          auto* copy = new uint8_t[4];  // owned by the buffer
          std::copy_n(plan, 4, copy);
          return flatbuffers::DetachedBuffer(nullptr, false, copy, 4, copy, 4);
        },
        false);
  }
  EXPECT_EQ(load_runtime(folder_).runtime.generation, 50u);
  EXPECT_EQ(read_whole_file(folder_ + "/dataplane.plan").value(), std::string("\1\2\3\4"));
}

// Of two versions the newer one is written, as soon as the more urgent of the two was to be.
TEST_F(StoreTest, AnUrgentPlanStaysUrgentWhenANewerOneTakesItsPlace) {
  const auto none = []() -> Result<flatbuffers::DetachedBuffer> { return fail("not needed"); };
  Store store(folder_, [](const Error&) {});
  const auto written = [&store](auto&& then) {
    std::promise<void> promise;
    store.runtime({}, [&](Result<>) { then(), promise.set_value(); });
    promise.get_future().get();
  };
  store.plan("slow", [&] { return std::this_thread::sleep_for(std::chrono::milliseconds(50)), none(); }, true);
  written([] {}), written([] {});  // by now plans that are not urgent wait for half a second
  bool produced = false;
  written([&] {  // both are there before the store looks again
    store.plan("l7", none, true);
    store.plan("l7", [&] { return produced = true, none(); }, false);
  });
  written([] {});
  bool in_time = false;
  written([&] { in_time = produced; });
  EXPECT_TRUE(in_time);
  store.finish();
}

TEST_F(StoreTest, TroubleIsToldAndReturned) {
  std::promise<std::string> trouble;
  std::promise<Result<>> stored;
  Store store(folder_ + "/missing", [&](const Error& error) { trouble.set_value(error.message); });
  store.runtime({}, [&](Result<> how) { stored.set_value(std::move(how)); });
  EXPECT_FALSE(stored.get_future().get());
  EXPECT_NE(trouble.get_future().get().find("missing"), std::string::npos);
}

}  // namespace
}  // namespace cardea::mgmt
