// Arguments are counted from above, before a rule sees them.
#include "l7/waf/caps.h"

#include <gtest/gtest.h>

#include <string>

namespace cardea::l7::waf {
namespace {

constexpr const char* kForm = "application/x-www-form-urlencoded";

Arguments counted(std::string_view body, std::string_view type) {
  Arguments all;
  count_body(all, body, type);
  return all;
}

TEST(WafCaps, PairsOfAForm) {
  EXPECT_EQ(counted("a=1&b=22&c", kForm).count, 3u);
  EXPECT_EQ(counted("a=1&b=22&c", kForm).longest, 4u);
  EXPECT_EQ(counted("&&&", kForm).count, 3u);
  EXPECT_EQ(counted("", kForm).count, 0u);
}

TEST(WafCaps, LeavesOfJson) {
  EXPECT_EQ(counted(R"({"a": 1, "b": [1, 2, 3], "c": {"d": "x"}})", "application/json").count, 7u) << "names of what holds others count too";
  EXPECT_GE(counted(R"([1,2,3,"a,b,c\",]"])", "application/problem+json; charset=utf-8").count, 4u);
  EXPECT_EQ(counted(R"(["a,b,c\",]"])", "Application/JSON").count, 1u) << "what is within a string is one";
  EXPECT_GE(counted("[\"" + std::string(5000, 'x') + "\"]", "application/json").longest, 5000u);
  EXPECT_EQ(counted(R"("never ends)", "application/json").count, 1u);
}

TEST(WafCaps, PartsOfMultipartWithoutTheirFiles) {
  const std::string body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n12345\r\n"
                           "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n" + std::string(9000, 'f') + "\r\n--b--\r\n";
  for (const char* type : {"multipart/form-data; boundary=b", "multipart/form-data; boundary=\"b\"; x=y"}) {
    EXPECT_EQ(counted(body, type).count, 2u);
    EXPECT_LT(counted(body, type).longest, 200u);
  }
  EXPECT_EQ(counted(body, "multipart/form-data").longest, body.size()) << "without a boundary all of it is one";
}

TEST(WafCaps, ADelimiterStandsAtALinesStart) {
  const std::string body = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx--B--\r\n"
                           "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.jpg\"; filename*=utf-8''a.php\r\n\r\nx\r\n--B--\r\n";
  EXPECT_TRUE(names_a_file_twice(body, "multipart/form-data; boundary=B"));
  EXPECT_EQ(counted(body, "multipart/form-data; boundary=B").count, 2u);
}

// libmodsecurity 3.0.9 reads each of these but the last, which backends read.
TEST(WafCaps, ABoundaryIsFoundHoweverItIsSpelled) {
  const auto form = [](const std::string& delimiter) {
    std::string body;
    for (const char* name : {"a", "b", "c"})
      body += delimiter + "\r\nContent-Disposition: form-data; name=\"" + name +
              "\"; filename=\"x\"; filename*=y\r\n\r\n1\r\n";
    return body + delimiter + "--\r\n";
  };
  const std::string kMultipart = "multipart/form-data; ";
  for (const char* type :
       {"boundary=b", "boundary =b", "boundary \t=b", "boundary=\"b\"", "boundary=b; x=y", "bOundarY=b"}) {
    EXPECT_EQ(counted(form("--b"), kMultipart + type).count, 3u) << type;
    EXPECT_TRUE(names_a_file_twice(form("--b"), kMultipart + type)) << type;
  }
  EXPECT_EQ(counted(form("-- b"), "multipart/form-data; boundary= b").count, 3u) << "the blank is the boundary's";
  EXPECT_GE(counted(form("--a b"), "multipart/form-data; boundary=a b").count, 3u);
  for (const char* type : {"boundary", "boundary x=b", "boundary=", "boundary= ", "boundary=\"\""})
    EXPECT_EQ(counted(form("--b"), kMultipart + type).count, 1u) << type;
}

// As the engine has it, which looks at a type's beginning.
TEST(WafCaps, ATypeIsKnownByItsBeginning) {
  EXPECT_EQ(counted("a=1&b=2&c=3", "application/x-www-form-urlencoded; type=json").count, 3u);
  EXPECT_EQ(counted("[1,2,3]", "application/vnd.shop+json; x=multipart").count, 3u);
  EXPECT_EQ(counted("a=1&b=2&c=3", "").count, 3u) << "without a type it is read as a form";
  EXPECT_EQ(counted("a=1&b=2&c=3", "text/plain; json").count, 0u);
}

TEST(WafCaps, Cookies) {
  Arguments all;
  count_cookies(all, "a=1; b=22;;;");
  EXPECT_EQ(all.count, 4u);
}

TEST(WafCaps, AttributesAndTextOfXml) {
  EXPECT_EQ(counted("<a b=\"1\" c='22'><!-- \"no\" -->text<![CDATA[<x y=\"z\">]]></a>", "text/xml").count, 3u);
  EXPECT_GE(counted("<a>" + std::string(5000, 'x') + "<b/>" + std::string(5000, 'x') + "</a>", "application/soap+xml").longest, 10'000u);
  EXPECT_GE(counted("<a b=\"" + std::string(5000, 'x'), "application/xml").longest, 5000u);
}

TEST(WafCaps, AFileIsNamedOnce) {
  const auto named = [](const std::string& name, const char* type = "multipart/form-data; boundary=b") {
    return names_a_file_twice("--b\r\nContent-Disposition: form-data; name=\"f\"; " + name + "\r\n\r\nfilename*=x\r\n--b--\r\n", type);
  };
  EXPECT_FALSE(named("filename=\"a.jpg\""));
  EXPECT_TRUE(named("filename=\"a.jpg\"; FileName*=utf-8''a.php"));
  EXPECT_FALSE(named("filename*=utf-8''a.php", "text/plain"));
  EXPECT_FALSE(named("filename=\"filename*=x\"")) << "a file of that name";
  EXPECT_TRUE(named("filename=\"x\" filename*=a")) << "somebody may read it so";
}

// A word in a name or a value makes no file of a part, nor does a header that readers take apart differently.
TEST(WafCaps, APartIsAFileByItsParameter) {
  const auto counts_all = [](const std::string& head) {
    const std::string body = "--b\r\n" + head + "\r\n\r\n" + std::string(9000, 'f') + "\r\n--b--\r\n";
    return counted(body, "multipart/form-data; boundary=b").longest > 9000;
  };
  for (const char* field : {"name=\"filename\"", "name=filename", "name=\"a; filename=b\"", "name=\"a\\\"; filename=\\\"b\"",
                            "name='a; filename=b'", "name=\"a\"b; filename=c", "name=\"a", "name=a; xfilename=b", "filename"})
    EXPECT_TRUE(counts_all(std::string("Content-Disposition: form-data; ") + field)) << field;
  for (const char* file : {"name=\"f\"; filename=\"x\"", "name=f;FileName=x", "name=\"a;b\" ; filename = \"c;d\"", "filename=\"\"",
                           "name=\"f\";\r\n filename=\"x\"", "name=\"f\"; filename=\"x\";"})
    EXPECT_FALSE(counts_all(std::string("X: y\r\ncontent-disposition: form-data; ") + file)) << file;
  EXPECT_TRUE(counts_all("X-Other: form-data; filename=x")) << "another header";
  EXPECT_TRUE(counts_all("Content-Disposition: a; filename=x\r\nContent-Disposition: form-data; name=y")) << "two of them";
}

TEST(WafCaps, WhatWasCutIsEnded) {
  const std::string_view type = "multipart/form-data; boundary=b";
  EXPECT_EQ(missing_end("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nhalf", type), "\r\n--b--\r\n");
  EXPECT_EQ(missing_end("--b\r\n\r\nall\r\n--b--\r\n", type), "");
  EXPECT_EQ(missing_end("--b\r\n\r\nx--b--\r\n", type), "\r\n--b--\r\n") << "not at a line's start";
  EXPECT_EQ(missing_end("a=b", "application/x-www-form-urlencoded"), "");
  EXPECT_EQ(missing_end("--b\r\n", "multipart/form-data"), "");
}

TEST(WafCaps, OtherBodiesHaveNone) {
  EXPECT_EQ(counted(std::string(100'000, 'x'), "application/octet-stream").count, 0u);
}

}  // namespace
}  // namespace cardea::l7::waf
