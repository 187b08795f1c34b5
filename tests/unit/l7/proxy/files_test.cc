// Routes that send files: which file, what of it, under which head, and what the log says. No backend hears of it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// "/": the folder; "/app/": the same with a fallback, siblings and an age, "/app/" being the folder's "/".
struct Files : testing::Test {
  Files() {
    ::mkdir(root.c_str(), 0755);
    ::mkdir((root + "/sub").c_str(), 0755);
    write("index.html", "<p>front");
    write("sub/index.html", "<p>sub");
    write("a.css", "a {}");
    write("big.bin", big);
    write("app.js", "plain");
    write("app.js.br", "b");
    write("app.js.gz", "gz");
    site.emplace([this](image::PlanT& plan) { sending(plan); });
    client.emplace(site->client());
  }
  void write(const std::string& name, std::string_view text) { std::ofstream(root + "/" + name) << text; }
  void sending(image::PlanT& plan) {
    auto& routes = plan.services[0]->routes;
    routes.clear();
    image::FilesT files;
    files.root = root, files.index = "index.html";
    routes.push_back(route("/", files));
    files.prefix = "/", files.fallback = "index.html", files.precompressed = true, files.max_age_s = 3600;
    routes.push_back(route("/app/", files));
    routes.push_back(route("/web/", 0));
  }
  std::string ask(std::string_view path, std::string_view fields = "", std::string_view method = "GET") {
    client->send(get(path, fields, method));
    return method == "HEAD" ? client->head() : client->message();
  }
  std::string header(const std::string& response, const std::string& name) {
    const size_t at = response.find("\r\n" + name + ": ");
    if (at == response.npos) return {};
    const size_t value = at + name.size() + 4;
    return response.substr(value, response.find("\r\n", value) - value);
  }

  ScratchFolder folder;
  const std::string root = folder.file("www");
  const std::string big = std::string(150'000, 'b') + "end";
  std::optional<Site> site;
  std::optional<Peer> client;
};

TEST_F(Files, AFileIsSentWithWhatIsKnownOfIt) {
  const std::string response = ask("/a.css");
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\na {}"),
                              HasSubstr("\r\nContent-Type: text/css\r\n"), HasSubstr("\r\nContent-Length: 4\r\n"),
                              HasSubstr("\r\nLast-Modified: "), HasSubstr("\r\nETag: \""),
                              HasSubstr("\r\nAccept-Ranges: bytes\r\n"), HasSubstr("\r\nDate: ")));
  EXPECT_THAT(response, AllOf(Not(HasSubstr("Via")), Not(HasSubstr("Vary")), Not(HasSubstr("Cache-Control"))));
  const auto line = site->log_line();
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["reason"], "ok");
  EXPECT_EQ(line["route"], "/");
  EXPECT_EQ(line["bytes_out"], response.size());
  const std::string head = ask("/a.css", "", "HEAD");
  EXPECT_THAT(head, AllOf(HasSubstr("\r\nContent-Length: 4\r\n"), EndsWith("\r\n\r\n")));
  EXPECT_THAT(ask("/"), EndsWith("<p>front")) << "the connection went on";
  EXPECT_TRUE(site->origin().nobody_called());
}

TEST_F(Files, ALargeOneComesWhole) {
  const std::string response = ask("/big.bin");
  EXPECT_EQ(response.substr(response.find("\r\n\r\n") + 4), big);
  EXPECT_EQ(site->buffers_lent(), 0u);
}

TEST_F(Files, OneThatWasSentAMomentAgoIsNotOpenedAgainUntilItIsAnother) {
  for (const char* path : {"/a.css", "/a.css", "/app/app.js", "/app/app.js"}) ask(path);
  EXPECT_EQ(site->value("cardea_l7_files_kept_total"), 2u);
  write("next.css", "b {color: red}");
  std::filesystem::rename(root + "/next.css", root + "/a.css");
  EXPECT_THAT(ask("/a.css"), EndsWith("\r\n\r\nb {color: red}"));
  EXPECT_EQ(site->value("cardea_l7_files_kept_total"), 2u);
}

TEST_F(Files, ASiblingThatComesLaterIsSeen) {
  const std::string fields = "Accept-Encoding: gzip\r\n";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(header(ask("/app/a.css", fields), "Content-Encoding"), "");
  write("a.css.gz", "packed");
  EXPECT_EQ(header(ask("/app/a.css", fields), "Content-Encoding"), "gzip");
}

TEST_F(Files, AnEmptyOneIsAHead) {
  write("empty.txt", "");
  EXPECT_THAT(ask("/empty.txt"), AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("\r\nContent-Length: 0\r\n")));
}

TEST_F(Files, FoldersHaveAnIndexAndASlashAtTheirEnd) {
  EXPECT_THAT(ask("/sub/"), EndsWith("<p>sub"));
  const std::string response = ask("/sub?x=1");
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 301 "), HasSubstr("\r\nContent-Length: 0\r\n")));
  EXPECT_EQ(header(response, "Location"), "http://shop.example/sub/?x=1");
  EXPECT_EQ(header(ask("//sub"), "Location"), "http://shop.example//sub/") << "never to a host of the client's";
}

TEST_F(Files, WhatIsNotThereIs404AndSaysWhy) {
  for (const char* path : {"/none", "/none/", "/sub/none/", "/.git", "/a.css/", "/sub%2Findex.html"}) {
    EXPECT_THAT(ask(path), StartsWith("HTTP/1.1 404 ")) << path;
    EXPECT_EQ(site->log_line()["reason"], "file_missing") << path;
  }
}

TEST_F(Files, AFallbackAnswersForAllThatIsNot) {
  for (const char* path : {"/app/", "/app/orders/17", "/app/.git"}) {
    const std::string response = ask(path);
    EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("<p>front"))) << path;
    EXPECT_EQ(header(response, "Content-Type"), "text/html");
  }
  EXPECT_THAT(ask("/app/a.css"), EndsWith("a {}"));
}

TEST_F(Files, OtherMethodsAreRefusedAndTheirBodiesDropped) {
  client->send(post("/a.css", "body") + get("/a.css"));
  const std::string response = client->message();
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nAllow: GET, HEAD\r\n")));
  EXPECT_THAT(client->message(), EndsWith("a {}"));
  EXPECT_EQ(site->log_line()["reason"], "method_not_allowed");
}

TEST_F(Files, WhoHasItIsToldSo) {
  const std::string first = ask("/a.css"), tag = header(first, "ETag"), time = header(first, "Last-Modified");
  for (const std::string& fields : {"If-None-Match: " + tag, "If-None-Match: \"x\", W/" + tag,
                                    "If-Modified-Since: " + time, std::string("If-None-Match: *")}) {
    const std::string response = ask("/a.css", fields + "\r\n");
    EXPECT_THAT(response,
                AllOf(StartsWith("HTTP/1.1 304 "), HasSubstr("ETag: " + tag), Not(HasSubstr("Content-Length"))));
  }
  EXPECT_THAT(ask("/a.css", "If-None-Match: \"x\"\r\nIf-Modified-Since: " + time + "\r\n"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("/a.css", "If-Match: \"x\"\r\n"), StartsWith("HTTP/1.1 412 "));
  EXPECT_THAT(ask("/a.css", "If-Match: \"x\", " + tag + "\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(ask("/a.css", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), StartsWith("HTTP/1.1 412 "));
  EXPECT_THAT(ask("/a.css", "If-Unmodified-Since: " + time + "\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Files, ARangeIsThatPart) {
  std::string response = ask("/big.bin", "Range: bytes=149998-150001\r\n");
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 206 "), EndsWith("\r\n\r\nbben"),
                              HasSubstr("\r\nContent-Range: bytes 149998-150001/150003\r\n")));
  EXPECT_THAT(ask("/big.bin", "Range: bytes=-3\r\n"), EndsWith("\r\n\r\nend"));
  response = ask("/big.bin", "Range: bytes=150003-\r\n");
  EXPECT_THAT(response, AllOf(StartsWith("HTTP/1.1 416 "), HasSubstr("\r\nContent-Range: bytes */150003\r\n"),
                              HasSubstr("\r\nContent-Length: 0\r\n")));
  const std::string tag = header(ask("/big.bin", "", "HEAD"), "ETag");
  EXPECT_THAT(ask("/big.bin", "Range: bytes=0-1\r\nIf-Range: " + tag + "\r\n"), StartsWith("HTTP/1.1 206 "));
  EXPECT_THAT(ask("/big.bin", "Range: bytes=0-1\r\nIf-Range: \"old\"\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(Files, WhatWasCompressedBeforehandGoesToWhoTakesIt) {
  const std::string plain = ask("/app/app.js");
  EXPECT_THAT(plain, AllOf(EndsWith("plain"), HasSubstr("\r\nVary: Accept-Encoding\r\n"),
                           HasSubstr("\r\nCache-Control: max-age=3600\r\n"), Not(HasSubstr("Content-Encoding"))));
  const std::string br = ask("/app/app.js", "Accept-Encoding: gzip, br, zstd\r\n");
  EXPECT_THAT(br, AllOf(EndsWith("\r\n\r\nb"), HasSubstr("\r\nContent-Encoding: br\r\n")));
  EXPECT_EQ(header(br, "Content-Type"), header(plain, "Content-Type"));
  EXPECT_NE(header(br, "ETag"), header(plain, "ETag"));
  EXPECT_THAT(ask("/app/app.js", "Accept-Encoding: gzip, br;q=0.5\r\n"), EndsWith("\r\n\r\ngz"));
  EXPECT_THAT(ask("/app/app.js", "Accept-Encoding: identity, gzip;q=0.5\r\n"), EndsWith("plain")) << "rather so";
  EXPECT_THAT(ask("/app/app.js", "Accept-Encoding: gzip, identity\r\n"), EndsWith("\r\n\r\ngz"));
  EXPECT_THAT(ask("/app/app.js", "Accept-Encoding: zstd\r\n"), EndsWith("plain")) << "there is none";
  EXPECT_THAT(ask("/app/a.css", "Accept-Encoding: br\r\n"), EndsWith("a {}"));
  EXPECT_THAT(ask("/app.js", "Accept-Encoding: br\r\n"), EndsWith("plain")) << "not wanted by this route";
}

TEST_F(Files, OneOfTomorrowIsOfNow) {
  const timespec times[] = {{}, {.tv_sec = ::time(nullptr) + 86400, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root + "/a.css").c_str(), times, 0), 0);
  const std::string answer = ask("/a.css");
  EXPECT_EQ(header(answer, "Last-Modified"), header(answer, "Date"));
  EXPECT_THAT(ask("/a.css", "If-None-Match: " + header(answer, "ETag") + "\r\n"), StartsWith("HTTP/1.1 304 "));
}

TEST_F(Files, WhatIsNoFileIsNotThere) {
  ASSERT_EQ(::mkfifo((root + "/fifo").c_str(), 0644), 0);
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un at{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = root + "/socket";
  path.copy(at.sun_path, sizeof at.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  for (const char* name : {"/fifo", "/socket"}) EXPECT_THAT(ask(name), StartsWith("HTTP/1.1 404 ")) << name;
  EXPECT_THAT(ask("/app/socket"), EndsWith("<p>front")) << "and has a fallback as what is not there has";
}

TEST_F(Files, OneThatShrinksIsCutAndTheClientSeesIt) {
  write("huge.bin", std::string(20'000'000, 'h'));
  client->send(get("/huge.bin"));
  client->head();
  ASSERT_EQ(::truncate((root + "/huge.bin").c_str(), 10'000'000), 0);
  const std::string rest = client->rest();
  EXPECT_LT(rest.size(), 20'000'000u);
  const auto line = site->log_line();
  EXPECT_EQ(line["reason"], "file_changed");
  EXPECT_EQ(line["status"], 200);
}

TEST_F(Files, AClientThatTakesNothingIsGivenUpAndHoldsNoBuffer) {
  write("huge.bin", std::string(20'000'000, 'h'));
  client->send(get("/huge.bin"));
  client->head();
  site->advance(std::chrono::seconds(29));
  EXPECT_LE(site->buffers_lent(), Buffers::kFirst) << "the head; the kernel holds what waits";
  for (int seconds = 0; seconds < 120 && site->value("cardea_l7_service_slow_clients_total") == 0; ++seconds)
    site->advance(std::chrono::seconds(1));
  client->rest();
  EXPECT_TRUE(client->reset());
  EXPECT_EQ(site->log_line()["reason"], "client_stalled");
}

// As nobody, where the test is root, who may read everything.
TEST_F(Files, OneThatMayNotBeReadIs403) {
  write("closed.txt", "closed");
  ASSERT_EQ(::chmod((root + "/closed.txt").c_str(), 0), 0);
  ASSERT_EQ(::chmod(folder.file("").c_str(), 0755), 0);
  const uid_t me = ::geteuid();
  if (me == 0) ASSERT_EQ(::seteuid(65534), 0);
  EXPECT_THAT(ask("/closed.txt"), StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(site->log_line()["reason"], "file_forbidden");
  EXPECT_THAT(ask("/a.css"), EndsWith("a {}"));
  ASSERT_EQ(::seteuid(me), 0);
}

// Its pages leave memory; whoever tries to read them begins to bring them back.
void evict(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::fdatasync(file.get()), 0);
  ASSERT_EQ(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
}

TEST_F(Files, WhatWaitsForADiskComesAllTheSame) {
  evict(root + "/big.bin");
  const std::string response = ask("/big.bin");
  EXPECT_EQ(response.substr(response.find("\r\n\r\n") + 4), big);
  EXPECT_GE(site->value("cardea_l7_file_waits_total"), 1u);
  EXPECT_EQ(site->value("cardea_l7_files_refused_total"), 0u);
}

TEST_F(Files, WhereTooManyWaitForADiskOneMoreIsRefused) {
  site->shard->shared().offload->stop();  // takes nothing any more, as a full queue does not
  evict(root + "/big.bin");
  EXPECT_THAT(ask("/big.bin"), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(site->log_line()["reason"], "files_busy");
  EXPECT_EQ(site->value("cardea_l7_files_refused_total"), 1u);
  EXPECT_THAT(ask("/a.css"), EndsWith("a {}")) << "what is in memory needs no disk";
}

}  // namespace
}  // namespace cardea::l7::proxy::test
